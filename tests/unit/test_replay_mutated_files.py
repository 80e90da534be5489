"""Ten thousand damaged files: each is read or refused, and no row is unaccounted for."""

import gzip
import random
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import BadInputError
from producer.replay.moments import Epochs
from producer.replay.preview import outcomes
from producer.replay.rows import read_rows
from producer.replay.windows import batches_of
from tests.unit.replaying import AT, HEADER

COUNT = 10_000
ROWS = 12
CELLS = [
    *("", "nan", "-", "1e400", "36,5", "0x10", "1.234,5", '"', '""', "'", "\0", "\ufeff", "\u202e"),
    *("20260301", "20260301080000", "9999-12-31T23:59:59Z", "0001-01-01", "-1", "1795467600"),
    *("9223372036854775807", "-9223372036854775808", "18446744073709551616", "1e999", "NaT"),
    *("\N{PILE OF POO}", "x" * 300, "a\tb", ";", ",", "|", "null", "08:00:00", "P1D", "[1]"),
]
PIECES = [piece.encode() for piece in CELLS] + [
    *(b"\r", b"\n", b"\r\n", b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"PAR1", b"PK\x03\x04"),
    *(b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"sep=;\n", bytes(9), b"\xed\xa0\x80", b"\xc3"),
]
TYPES = [
    *(pa.int8(), pa.uint64(), pa.float16(), pa.float64(), pa.string(), pa.binary(), pa.bool_()),
    *(pa.timestamp("ns"), pa.timestamp("us", "UTC"), pa.date32(), pa.time64("us"), pa.null()),
    *(pa.duration("s"), pa.list_(pa.int64()), pa.dictionary(pa.int8(), pa.string()), pa.binary(2)),
    *(pa.decimal128(38, 0), pa.decimal256(50, 9), pa.large_string(), pa.binary_view()),
]


def csv_lines(random_):
    lines = [HEADER.split(",")]
    for row in range(ROWS):
        name = random_.choice([("frequencia_cardiaca", "bpm"), ("glicose", "mg/dL"), ("humor", "")])
        lines.append([f"p{row % 3}", str(AT + row), name[0], "", str(70 + row), name[1]])
    return lines


def mutated_bytes(content, random_):
    for _ in range(random_.randint(1, 4)):
        begin = random_.randint(0, len(content))
        end = min(len(content), begin + random_.choice([0, 1, 1, 2, 9, 200]))
        content = content[:begin] + random_.choice([b"", *PIECES]) + content[end:]
    return content


def mutated_csv(random_):
    """Damaged cells, then perhaps another delimiter, encoding or compression, and damaged bytes.

    With the number of its rows, where no byte is damaged.
    """
    lines = csv_lines(random_)
    for _ in range(random_.randint(0, 6)):
        line = random_.choice(lines)
        line[random_.randrange(len(line))] = random_.choice(CELLS)
    delimiter = random_.choice([",", ",", ";", "\t", "|"])
    text = random_.choice(["\n", "\r\n", "\r"]).join(map(delimiter.join, lines))
    encoding = random_.choice(["utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
    content = text.encode(encoding)
    is_damaged, is_packed = random_.random() < 0.5, random_.random() < 0.1
    content = mutated_bytes(content, random_) if is_damaged else content
    content = gzip.compress(content, 1) if is_packed else content
    if is_packed and random_.random() < 0.5:
        return mutated_bytes(content, random_), None
    return content, None if is_damaged else rows_in(text)


def parquet_columns(random_):
    names = HEADER.split(",")
    columns = dict(zip(names, map(list, zip(*csv_lines(random_)[1:], strict=True)), strict=True))
    columns = {name: pa.array(cells) for name, cells in columns.items()}
    for _ in range(random_.randint(0, 3)):
        name = random_.choice(names)
        cells = [random_.choice([*CELLS, None, str(AT)]) for _ in range(ROWS)]
        kind = random_.choice(TYPES)
        columns[name] = pa.array([random_.choice([0, 1, None])] * ROWS, pa.int64())
        try:
            columns[name] = random_.choice([pa.array(cells), columns[name]]).cast(kind)
        except (pa.ArrowException, NotImplementedError):
            raw = np.frombuffer(random_.randbytes(8 * ROWS), np.int64)
            columns[name] = pa.array(raw)
            if pa.types.is_timestamp(kind):
                columns[name] = columns[name].cast(kind)
    if random_.random() < 0.2:
        columns[random_.choice([" value", "VALUE", "other", ""])] = pa.nulls(ROWS)
    return columns


def mutated_parquet(random_):
    """Other types and cells; every other one with damaged bytes besides."""
    sink = pa.BufferOutputStream()
    pq.write_table(
        pa.table(parquet_columns(random_)),
        sink,
        compression=random_.choice(["none", "snappy", "zstd", "gzip"]),
        use_dictionary=random_.random() < 0.5,
        write_page_checksum=random_.random() < 0.3,
        store_schema=random_.random() < 0.8,
        data_page_version=random_.choice(["1.0", "2.0"]),
    )
    content = sink.getvalue().to_pybytes()
    if random_.random() < 0.5:
        for _ in range(random_.randint(1, 3)):
            place = random_.randrange(len(content))
            content = content[:place] + random_.randbytes(1) + content[place + 1 :]
    return content, ROWS


def rows_in(content):
    """How many rows a CSV text has: its lines that are not blank, without the first."""
    return (
        len([line for line in re.split("\r\n|\r|\n", content) if line and not line.isspace()]) - 1
    )


def accounted(path):
    """Rows that were read and rows that are named, or None where the file was refused."""
    try:
        rows, unreadable = read_rows(path, "auto", Epochs())
    except BadInputError as error:
        refusal = error
    else:
        refusal = None
    if refusal is not None:
        assert str(refusal).replace("\n  -> ", "").isprintable()
        assert refusal.hint
        return None
    assert all(row.reason.isprintable() for row in unreadable)
    assert len({row.line for row in unreadable}) == len(unreadable)
    batches = list(batches_of(rows, source="s", producer_id="p").made(AT))
    assert sum(batch.reading_count for batch in batches) == len(rows)
    assert outcomes((batch, AT) for batch in batches).total() == len(rows)
    return len(rows) + len(unreadable)


@pytest.mark.parametrize("make", [mutated_csv, mutated_parquet])
def test_damaged_files_are_read_or_refused_and_every_row_is_accounted_for(tmp_path, make):
    """The same ones in every run; those that are read are many, and so are those refused."""
    path = tmp_path / "file"
    read = refused = 0
    for seed in range(COUNT // 2):
        random_ = random.Random(f"{make.__name__} {seed}")
        content, expected = make(random_)
        path.write_bytes(content)
        try:
            count = accounted(path)
            assert count is None or expected is None or count == expected
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
        read, refused = read + (count is not None), refused + (count is None)
    assert min(read, refused) > COUNT // 20


cells = st.one_of(
    st.sampled_from(CELLS),
    st.text(max_size=12),
    st.integers().map(str),
    st.floats().map(str),
    st.datetimes().map(str),
    st.from_regex(r"\A[0-9]{8,15}(\.[0-9]{1,4})?([+-][0-9]{4})?\Z"),
)
lines = st.lists(st.lists(cells, min_size=6, max_size=6), max_size=8)


@given(lines, st.sampled_from(",;\t|"), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
@settings(max_examples=150, deadline=None)
def test_every_row_of_a_wild_text_is_read_or_named(tmp_path_factory, table, delimiter, encoding):
    """Whatever is in its cells, line ends and quotes included."""
    header = HEADER.replace(",", delimiter)
    text = "\n".join([header, *map(delimiter.join, table)])
    path = tmp_path_factory.getbasetemp() / "wild"
    path.write_bytes(text.encode(encoding, "surrogatepass"))
    assert accounted(path) in {rows_in(text), None}


@given(st.binary(max_size=60), st.sampled_from([b"", *PIECES, f"{HEADER}\n".encode()]))
@settings(max_examples=150, deadline=None)
def test_wild_bytes_are_read_or_refused(tmp_path_factory, content, head):
    path = tmp_path_factory.getbasetemp() / "wild"
    path.write_bytes(head + content)
    accounted(path)
