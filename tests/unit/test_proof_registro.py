"""The reconciliation compares every row of registro with the readings that explain it."""

import pyarrow as pa
import pytest

from tests.builders import NOW, PATIENT, batch, series
from tests.reconciled import BATCH, other

HOUR = 3_600_000


def test_an_accepted_reading_that_is_not_in_registro_is_found(done):
    del done.registro[1, "valor", NOW + 1000]
    proof = done.prove()
    assert (proof.missing, proof.is_proved) == (1, False)
    assert "1 accepted reading missing from registro: paciente_sensor 1 valor" in proof.findings[0]
    assert "2026-09-21T14:13:21.000Z" in proof.findings[0]


@pytest.mark.parametrize("moment", [NOW - 1, NOW - 5 * HOUR, -30_610_224_000_000])
def test_a_row_of_registro_without_a_reading_is_found(done, moment):
    done.registro[1, "valor", moment] = 1
    proof = done.prove()
    assert (proof.duplicated, proof.is_proved) == (1, False)
    assert "1 registro row without an accepted reading" in proof.findings[0]


def test_a_value_that_differs_by_a_thousandth_is_found(done):
    done.registro[2, "valor", NOW] += 1
    compared = done.compare()
    assert (compared.proof.altered, compared.proof.is_proved) == (1, False)
    assert "another value than the trusted files" in compared.proof.findings[0]
    [row] = pa.concat_tables(compared.rows.altered).to_pylist()
    assert (row["thousandths"], row["found"]) == (70_000, 70_001)


def test_values_that_were_swapped_are_found(done):
    first, second = (1, "valor", NOW + 1000), (1, "valor", NOW + 2000)
    done.registro[first], done.registro[second] = done.registro[second], done.registro[first]
    assert done.prove().altered == 2


def test_only_the_hours_that_differ_are_read(world):
    """Count and checksum settle all others."""
    batches = [
        other(
            f"b{hour}",
            series("glicose", [100.0], start=NOW + hour * HOUR),
            window_start=NOW + hour * HOUR,
        )
        for hour in range(9)
    ]
    world.archive(*batches)
    world.take(*batches)
    del world.registro[1, "valor", NOW + 4 * HOUR]
    found = world.compare()
    assert found.proof.missing == 1
    assert len(pa.concat_tables(found.rows.missing)) == 1
    assert world.asked == [(NOW // HOUR + 4, [1])]
    assert found.proof.buckets == 9 + 9


def test_of_readings_for_one_instant_the_newest_offset_counts(world):
    """Superseded ones are counted, not errors; batches of another hour are not read for them."""
    values = (101.0, 102.0, 103.0)
    batches = [
        other(f"b{number}", series("glicose", [value])) for number, value in enumerate(values)
    ]
    world.archive(*batches)
    world.take(*batches[:2])
    world.take(batches[2])
    proof = world.prove()
    assert proof.is_proved, proof.findings
    assert proof.superseded == 2
    world.registro[1, "valor", NOW] = 102_000
    assert world.prove().altered == 1


def test_the_same_value_twice_for_one_instant_is_superseded_too(world):
    batches = [other(f"b{number}", series("glicose", [101.0])) for number in range(2)]
    world.archive(*batches)
    world.take(*batches)
    proof = world.prove()
    assert (proof.is_proved, proof.superseded, proof.registro) == (True, 1, 1)


def test_within_a_message_the_later_series_counts(world):
    made = batch(*(series("glicose", [value]) for value in (101.0, 102.0, 103.0)))
    world.archive(made)
    world.take(made)
    assert world.prove().is_proved
    world.registro[1, "valor", NOW] = 102_000
    assert world.prove().altered == 1


def test_an_unmapped_reading_is_not_expected_in_registro(world):
    world.mappings = world.mappings[:1]
    world.unmapped.append((0, 0, 1, 0))
    world.archive(BATCH)
    world.take(BATCH)
    proof = world.prove()
    assert proof.is_proved, proof.findings
    assert proof.unmapped == 1


def test_a_reading_that_waits_although_it_has_a_mapping_now_is_not_expected_yet(world):
    world.unmapped.append((0, 0, 1, 0))
    world.archive(BATCH)
    world.take(BATCH)
    assert world.prove().is_proved


def test_a_reading_that_lost_its_mapping_without_a_mark_is_found(done):
    done.mappings = done.mappings[:1]
    del done.registro[2, "valor", NOW]
    proof = done.prove()
    assert (proof.missing, proof.is_proved) == (1, False)
    assert "without a mapping and not marked as unmapped" in proof.findings[0]


def test_a_reading_belongs_to_the_mapping_of_its_time(world):
    """From the start of a period until just before its end."""
    world.mappings = (
        (PATIENT, "glicose", 1, NOW, NOW + 1000),
        (PATIENT, "glicose", 7, NOW + 1000, NOW + 2000),
    )
    made = batch(series("glicose", [101.0, 102.0, 103.0]))
    world.unmapped.append((0, 0, 0, 2))
    world.archive(made)
    world.take(made)
    assert world.registro.keys() == {(1, "valor", NOW), (7, "valor", NOW + 1000)}
    assert world.prove().is_proved
    world.registro = {(7, "valor", NOW): 101_000, (1, "valor", NOW + 1000): 102_000}
    proof = world.prove()
    assert (proof.missing, proof.duplicated) == (2, 2)
