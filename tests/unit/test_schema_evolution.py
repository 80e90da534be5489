"""Every version ever published, and how the next one will coexist with them."""

import pytest
from fastavro.read import SchemaResolutionError

from common.errors import BadInputError
from schemas.wire.codec import Codec, default_codec
from schemas.wire.versions import HEADER_SIZE, LATEST, MAGIC, versions
from tests.builders import GOLDEN, GOLDEN_BATCH, invented_version

NEXT = invented_version()


@pytest.mark.parametrize("version", versions(), ids=lambda version: f"v{version.version}")
def test_every_published_version_reads_its_golden_bytes_into_the_latest_one(version):
    """BACKWARD_TRANSITIVE: the latest reader against each writer, however old."""
    body = GOLDEN[version.version]
    assert body[:HEADER_SIZE] == version.header
    assert repr(default_codec().decode(body)) == repr(GOLDEN_BATCH)


@pytest.mark.parametrize("version", versions(), ids=lambda version: f"v{version.version}")
def test_every_published_version_still_writes_its_golden_bytes(version):
    """A change to a published file shows here: published versions are never edited."""
    assert Codec([version]).encode(GOLDEN_BATCH) == GOLDEN[version.version]


def test_versions_are_numbered_without_a_gap_and_differ():
    assert [version.version for version in versions()] == list(range(1, LATEST + 1))
    assert len({version.header for version in (*versions(), NEXT)}) == LATEST + 1
    assert all(version.header.startswith(MAGIC) for version in versions())
    assert set(GOLDEN) == {version.version for version in versions()}


@pytest.mark.parametrize("version", versions(), ids=lambda version: f"v{version.version}")
def test_a_version_without_logical_types_has_the_same_fingerprint(version):
    """What the decoders read differs from the published file in nothing on the wire."""
    plain = Codec([version])
    assert b"logicalType" not in version.plain_json.encode()
    assert plain.encode(GOLDEN_BATCH)[:HEADER_SIZE] == version.header


@pytest.mark.parametrize("version", versions(), ids=lambda version: f"v{version.version}")
def test_a_next_version_reads_the_golden_bytes_of_every_version(version):
    """Consumers are updated first."""
    decoded = Codec([*versions(), NEXT]).decode(GOLDEN[version.version])
    assert repr(decoded) == repr(GOLDEN_BATCH)


def test_a_next_version_writes_what_todays_reader_understands_once_it_knows_the_fingerprint():
    """Forward: fields that the reader does not have are skipped."""
    body = Codec([*versions(), NEXT]).encode(GOLDEN_BATCH)
    assert body[:HEADER_SIZE] == NEXT.header
    old_reader = Codec([*versions(), NEXT], reader=versions()[-1])
    assert repr(old_reader.decode(body)) == repr(GOLDEN_BATCH)
    assert old_reader.encode(GOLDEN_BATCH) == GOLDEN[LATEST]


def test_a_reader_that_does_not_know_a_version_refuses_its_messages_whole():
    """No field is guessed: the message stays in quarantine until the reader is updated."""
    body = Codec([*versions(), NEXT]).encode(GOLDEN_BATCH)
    with pytest.raises(BadInputError, match="no known schema version") as refused:
        default_codec().decode(body)
    assert "update this side first" in refused.value.hint


def test_a_new_field_without_a_default_cannot_read_old_bytes():
    """Proof that the golden test above would notice an incompatible version."""
    codec = Codec([*versions(), invented_version(default=False)])
    with pytest.raises(SchemaResolutionError, match="No default value for field ward"):
        codec.decode(GOLDEN[LATEST])
