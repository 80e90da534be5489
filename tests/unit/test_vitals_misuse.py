"""Commands of `vitals` with a wrong name, option or setting: exit code 2, before looking for a stack."""

import pytest


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["quarantine", "list", "--reason", "out_of_rnge"], ["did you mean out_of_range", "empty"]),
        (["quarantine", "stats", "--sensor", "glicos"], ["did you mean glicose", "movimentacao"]),
        (["quarantine", "resend", "--sensor", "humor"], ["no sensor 'humor'", "glicose"]),
        (["quarantine", "list", "--state", "open"], ["no state 'open'", "aberta"]),
        (["quarantine", "list", "--since", "noon"], ["'noon' is not a time", "ISO 8601"]),
        (["quarantine", "discard", "--until", "9" * 15], ["is not in the years"]),
        (["quarantine", "discard"], ["--reason"]),
        (["quarantine", "show", "here"], ["PARTITION@OFFSET"]),
        (["explain", "p", "humor", "2026-03-01"], ["no sensor 'humor'", "glicose"]),
        (["explain", "p", "glicose", "noon"], ["'noon' is not a time", "ISO 8601"]),
        (["explain", "p", "pressao_arterial", "0"], ["--component sistolica or diastolica"]),
        (
            ["explain", "p", "Pressão Arterial", "2026-03-01", "--component", "media"],
            ["no component 'media' of pressao_arterial", "sistolica, diastolica"],
        ),
        (["patient", "add", "p", "--sensor", "humor"], ["no sensor 'humor'", "glicose"]),
        (["patient", "end", "p", "--sensor", "glicos"], ["did you mean glicose"]),
        (["patient", "add", "p", "--name", "n" * 121], ["121 characters", "at most 120"]),
        (["patient", "add", "p", "--at", "noon"], ["'noon' is not a time", "ISO 8601"]),
        (["prove", "--faults", "kill-driver,kil-worker"], ["did you mean kill-worker", "poison"]),
        (["kafka", "topic"], ["did you mean topics", "consumer-groups"]),
        (["replay", "readings.csv", "--format", "xml"], ["auto, long, clif"]),
        (["replay", "readings.csv", "--start", "later"], ["original, now"]),
        (["replay", "readings.csv", "--speed", "fast"], ["1x or 60x"]),
        (["replay", "readings.csv", "--time-unit", "min"], ["s, ms, us, ns"]),
        (["replay", "readings.csv", "--earliest", "spring"], ["'spring'", "1970-01-01"]),
        (["reconcile", "--dry-run"], ["--repair"]),
        (["reconcile", "--undo", "b", "--repair", "--dry-run"], ["--undo changes values"]),
        (["demo", "--producers", "0"], ["greater than or equal to 1"]),
        (["nonsense"], ["No such command"]),
        (["quarantine", "resnd"], ["Did you mean 'resend'"]),
    ],
)
def test_unknown_names_are_answered_with_the_known_ones(vitals, words, said):
    code, _, err = vitals(*words)
    assert code == 2
    assert [text for text in said if text not in err] == []


def test_an_unknown_silent_sensor_is_refused_before_anything_starts(vitals, monkeypatch):
    monkeypatch.setenv("SILENT_SENSORS", "demo-000001:glicos")
    code, _, err = vitals("up")
    assert code == 2
    assert "glicose, movimentacao" in err


def test_a_broker_whose_address_is_none_is_a_mistake_in_the_settings(vitals, monkeypatch):
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "kafka:port")
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT")
    code, _, err = vitals("tail")
    assert (code, "KAFKA_BOOTSTRAP_SERVERS: " in err, "`host:port`" in err) == (2, True, True)
