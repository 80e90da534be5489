"""Rows whose bytes, not their number, are many: quarantined in bounded statements and files."""

import pytest

from db.connection import connect
from db.write import quarantine
from db.write.bulk import LoadMethod
from tests.db.rows import INFILE, INSERT, rejected, rejected_table

MEBIBYTE = 1_048_576
MEGABYTE = bytes(range(256)) * 3_903
KEPT = "SELECT deslocamento, motivo, mensagem FROM quarentena ORDER BY 1"


def messages(count, body=MEGABYTE):
    whole = {"series": -1, "position": -1, "reason": "bad_frame", "key": b"k", "headers": "[]"}
    return rejected_table(*(rejected(offset, **whole, body=body) for offset in range(count)))


@pytest.mark.parametrize("method", [INFILE, INSERT])
def test_messages_that_exceed_a_packet_together_are_written_in_parts(session, query, method):
    """Twenty of 999 kB, as hexadecimal digits, are 40 MB: the server took no such statement."""
    assert quarantine.insert(session, messages(20), method) == []
    session.commit()
    assert [(offset, bytes(body)) for offset, _, body in query(session, KEPT)] == [
        (offset, MEGABYTE) for offset in range(20)
    ]


def test_a_message_that_exceeds_a_packet_alone_keeps_its_beginning(session, settings, query):
    """It is refused before it is sent: the server would end the connection, which looks transient."""
    [(before,)] = query(session, "SELECT @@GLOBAL.max_allowed_packet")
    set_packet = "SET GLOBAL max_allowed_packet = {}"
    session.cursor().execute(set_packet.format(MEBIBYTE))
    try:
        with connect(settings) as small:
            [refusal] = quarantine.insert(small, messages(1, MEGABYTE + MEGABYTE), INSERT)
            small.commit()
    finally:
        session.cursor().execute(set_packet.format(before))
    assert refusal.number == 1153
    [(_, reason, body)] = query(session, KEPT)
    assert (reason, bytes(body)) == ("refused_by_database", MEGABYTE[:4096])


def test_long_names_of_many_rejected_readings_are_written_in_parts(session, query):
    """Dictionaries stay dictionaries until a part is written."""
    long = dict.fromkeys(("patient_id", "sensor", "component", "unit"), "🫀" * 255)
    rows = rejected_table(*(rejected(offset, **long) for offset in range(25_000)))
    encoded = rows.set_column(
        rows.schema.get_field_index("sensor"), "sensor", rows["sensor"].dictionary_encode()
    )
    assert quarantine.insert(session, encoded, LoadMethod.AUTO) == []
    session.commit()
    assert query(session, "SELECT COUNT(*), MIN(CHAR_LENGTH(sensor)) FROM quarentena") == [
        (25_000, 255)
    ]
