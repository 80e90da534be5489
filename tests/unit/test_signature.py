"""Keys of batches: made, rotated, and read again while somebody uses them."""

import os
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
import structlog

from common.errors import ConfigurationError
from common.settings import TrustSettings
from consumer.worker import authentic
from consumer.worker.authentic import FORGED, OTHER_PATIENT, UNKNOWN_KEY, UNSIGNED, Proofs
from ops.credentials.batch_keys import PRODUCER, ensure_batch_key, key_file, rotate_batch_key
from producer.delivery import publisher
from producer.delivery.publisher import Publisher
from schemas.wire import signature
from schemas.wire.codec import FIRST_TAKEN
from schemas.wire.limits import MESSAGES
from schemas.wire.signature import SIGNATURE, SIGNED_BY, Signer, read_keys
from tests.nobody import NO_BROKER

BODY = b"1234"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(signature, "_LOOK_EVERY_MS", -1)
    authentic._keyring.cache_clear()
    ensure_batch_key(tmp_path, PRODUCER)
    return tmp_path


@pytest.fixture
def signer(folder):
    return Signer(folder / key_file(PRODUCER))


def why(folder, headers, *, key=b"p", body=BODY, is_required=True):
    """Why this message of the patient p is refused, and who signed it."""
    row = dict.fromkeys(MESSAGES.names, 0) | {"key": key, "value": body, "body_sha256": None}
    row["headers"] = headers and [{"key": name, "value": value} for name, value in headers]
    proofs = Proofs(
        pa.RecordBatch.from_pylist([row], MESSAGES),
        TrustSettings(require_authentic=is_required, batch_keys_dir=folder),
    )
    return proofs.verify(0, "p"), proofs.signed_by[0]


def test_a_signed_message_is_authentic_and_names_its_key(folder, signer):
    [key] = read_keys(folder / key_file(PRODUCER))
    assert why(folder, signer.signed(b"p", BODY, [])) == (None, key.id)
    again = signer.signed(b"p", BODY, [(FIRST_TAKEN, b"1"), (SIGNED_BY, b"x"), ("other", None)])
    assert [name for name, _ in again] == [FIRST_TAKEN, "other", SIGNED_BY, SIGNATURE]
    assert why(folder, again) == (None, key.id)


def test_what_is_changed_after_signing_is_forged(folder, signer):
    headers = signer.signed(b"p", BODY, [])
    assert why(folder, headers, body=b"bodies") == (FORGED, None)
    assert why(folder, headers, key=b"q") == (FORGED, None)
    assert why(folder, headers, key=None) == (FORGED, None)
    assert why(folder, [*headers, (FIRST_TAKEN, b"1")]) == (FORGED, None)
    # the first header of a name counts, as it does for the time
    assert why(folder, [(SIGNATURE, b"00"), *headers]) == (FORGED, None)
    assert why(folder, [(SIGNATURE, "ä".encode()), *headers]) == (FORGED, None)
    # a byte may not move from one part to the next
    assert why(folder, signer.signed(b"p1", b"234", [])) == (FORGED, None)


def test_unsigned_messages_and_unknown_keys_are_refused(folder, signer):
    for headers in (None, [], [("batch-id", b"x")], signer.signed(b"p", BODY, [])[1:]):
        assert why(folder, headers) == (UNSIGNED, None)
    assert why(folder, [(SIGNED_BY, b"x"), (SIGNATURE, b"00")]) == (UNKNOWN_KEY, None)
    assert why(folder, [(SIGNED_BY, None), (SIGNATURE, b"00")]) == (UNSIGNED, None)


def test_the_key_must_be_the_patients_id(folder, signer):
    assert why(folder, signer.signed(b"q", BODY, []), key=b"q") == (OTHER_PATIENT, None)
    assert why(folder, signer.signed(None, BODY, []), key=None) == (OTHER_PATIENT, None)


def test_without_the_demand_all_are_taken_and_only_proven_ones_named(folder, signer):
    assert why(folder, None, is_required=False) == (None, None)
    assert why(folder, signer.signed(b"q", BODY, []), is_required=False) == (None, None)
    assert why(folder, signer.signed(b"p", BODY, []), is_required=False)[1] is not None


def test_after_a_rotation_the_new_key_signs_and_the_one_before_still_verifies(folder, signer):
    old = signer.signed(b"p", BODY, [])
    assert why(folder, old)[0] is None
    rotate_batch_key(folder, PRODUCER)
    new = signer.signed(b"p", BODY, [])
    assert dict(old)[SIGNED_BY] != dict(new)[SIGNED_BY]
    assert [why(folder, headers)[0] for headers in (old, new)] == [None, None]
    rotate_batch_key(folder, PRODUCER)
    newest = signer.signed(b"p", BODY, [])
    assert [why(folder, headers)[0] for headers in (old, new, newest)] == [UNKNOWN_KEY, None, None]


def test_a_key_verifies_nothing_after_its_end(folder, signer):
    old = signer.signed(b"p", BODY, [])
    for until, expected in ((timedelta(hours=1), None), (timedelta(hours=-1), UNKNOWN_KEY)):
        path = folder / key_file(PRODUCER)
        before = path.read_bytes()
        rotate_batch_key(folder, PRODUCER, until=datetime.now(UTC) + until)
        assert why(folder, old)[0] == expected
        path.write_bytes(before)


def test_a_file_that_is_being_written_leaves_the_keys_as_they_were(folder, signer):
    headers = signer.signed(b"p", BODY, [])
    assert why(folder, headers)[0] is None
    (folder / key_file(PRODUCER)).write_bytes(b"producer-1 00")
    assert signer.signed(b"p", BODY, []) == headers
    assert why(folder, headers)[0] is None


@pytest.mark.parametrize(
    "text", ["", "\n", "a", "a 00", "a xyz", f"ä {'00' * 32}", f"a {'00' * 32} tomorrow", "a b c d"]
)
def test_a_file_without_keys_is_refused_and_its_content_is_not_shown(tmp_path, text):
    path = tmp_path / key_file("x")
    path.write_text(text)
    with pytest.raises(ConfigurationError, match="cannot use the key file") as refusal:
        Signer(path)
    assert "xyz" not in str(refusal.value)
    assert refusal.value.__cause__ is None


def test_the_demand_without_keys_is_refused(tmp_path):
    for folder in (tmp_path, None):
        with pytest.raises(ConfigurationError, match="cannot verify batches"):
            authentic.require_keys(TrustSettings(batch_keys_dir=folder))
    authentic.require_keys(TrustSettings(require_authentic=False))


def test_a_key_is_random_private_and_made_once(tmp_path):
    assert ensure_batch_key(tmp_path, "a")
    assert not ensure_batch_key(tmp_path, "a")
    assert ensure_batch_key(tmp_path, "b")
    keys = [read_keys(tmp_path / key_file(name))[0] for name in "ab"]
    assert len({key.secret for key in keys}) == 2
    assert all(len(key.secret) == 32 for key in keys)
    assert repr(keys[0]) == f"BatchKey({keys[0].id})"
    if os.name != "nt":
        assert (tmp_path / key_file("a")).stat().st_mode & 0o777 == 0o600


def test_who_publishes_without_a_key_is_warned_once(folder):
    publisher._warn_of_unsigned_batches.cache_clear()
    with structlog.testing.capture_logs() as logs:
        Publisher(NO_BROKER.model_copy(update={"batch_key_path": folder / key_file(PRODUCER)}))
        assert logs == []
        Publisher(NO_BROKER)
        Publisher(NO_BROKER)
    [line] = logs
    assert (line["log_level"], line["event"]) == ("warning", "batches_go_unsigned")
    assert "BATCH_KEY_PATH" in line["hint"]
