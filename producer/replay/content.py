"""What a file is, by its first bytes: text in some encoding, Parquet, or something to be refused."""

import codecs
import io
import re
from collections.abc import Mapping
from typing import TypeVar

import pyarrow as pa

from common.errors import BadInputError, ConfigurationError

T = TypeVar("T")

NOT_TEXT = "\udcff"
"""Stands in decoded text for bytes that are not of its encoding; no encoding can yield it."""

_READABLE = (
    "give CSV (UTF-8, UTF-16 or --encoding) or Parquet, plain or compressed with gzip or zstd"
)
_AS_CSV = 'save the sheet as "CSV UTF-8"; of a zip file, unpack it and give one file'
_COMPRESSED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_REFUSED = {
    b"PK": ("a workbook or another zip file", _AS_CSV),
    b"\xd0\xcf\x11\xe0": ("a workbook of an earlier Excel", _AS_CSV),
    b"7z\xbc\xaf": ("a 7z file", _READABLE),
    b"Rar!": ("a RAR file", _READABLE),
    b"BZh": ("a bzip2 file", _READABLE),
    b"\xfd7zXZ": ("an xz file", _READABLE),
    b"\x04\x22\x4d\x18": ("an lz4 file", _READABLE),
    b"PARE": ("an encrypted Parquet file", "write it without encryption"),
    b"ORC": ("an ORC file", _READABLE),
    b"ARROW1": ("an Arrow file", _READABLE),
    b"FEA1": ("a Feather file", _READABLE),
    b"Obj\x01": ("an Avro file", _READABLE),
    b"SQLite": ("an SQLite database", _READABLE),
    b"%PDF": ("a PDF", _READABLE),
    b"\x89HDF": ("an HDF5 file", _READABLE),
}
_MARKED = {
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
    codecs.BOM_UTF8: "utf-8-sig",
}
_HEAD = 8
_SHOWN = 40

codecs.register_error("mark", lambda error: (NOT_TEXT, getattr(error, "end")))  # noqa: B009


def shown(text: object, most: int = _SHOWN) -> str:
    """Text of a file as a message may show it: cut, quoted, nothing in it that a terminal obeys."""
    full = str(text)
    return repr(full if len(full) <= most else f"{full[:most]}…")


def unpacked(file: io.RawIOBase) -> io.BufferedReader:
    """The content of a file, decompressed if need be.

    Raises BadInputError for a kind of file that is not read here.
    """
    stream: io.BufferedReader = io.BufferedReader(file)
    if codec := _of(stream, _COMPRESSED):
        stream = io.BufferedReader(pa.CompressedInputStream(stream, codec))
        if _of(stream, _COMPRESSED):
            raise BadInputError("it is compressed twice", hint=_READABLE)
    if kind := _of(stream, _REFUSED):
        raise BadInputError(f"it is {kind[0]}", hint=kind[1])
    return stream


def is_parquet(stream: io.BufferedReader) -> bool:
    """Whether it begins as Parquet does."""
    return stream.peek(_HEAD).startswith(b"PAR1")


def known_encoding(name: str) -> str:
    """An encoding of text by its name. Errors: ``ConfigurationError``."""
    try:
        # some codecs do not make text; io says so
        io.TextIOWrapper(io.BytesIO(), name).close()
    except (LookupError, ValueError) as error:
        raise ConfigurationError(
            f"cannot read text as {shown(name)}: no such encoding",
            hint="give a name such as windows-1252, iso-8859-1 or shift_jis",
        ) from error
    return name


def as_text(stream: io.BufferedReader, given: str | None = None) -> io.TextIOWrapper:
    """Its text with LF for each end of line; ``NOT_TEXT`` for what is not of the encoding.

    The ``given`` encoding; without one UTF-8, UTF-16 or UTF-32 as the mark at its beginning says;
    without a mark UTF-16 by its zeros, otherwise UTF-8.

    Raises BadInputError if it is empty, in another language than CSV, or marked as another encoding.
    """
    head = stream.peek(_HEAD)[:_HEAD]
    encoding = _of(stream, _MARKED)
    if given and encoding:
        raise BadInputError(f"it is marked as {encoding.upper()}", hint="leave --encoding out")
    if given or encoding:
        encoding = given or encoding
    elif re.match(rb"[^\0]\0[^\0]", head):
        encoding = "utf-16-le"
    elif re.match(rb"\0[^\0]\0", head):
        encoding = "utf-16-be"
    if not head:
        raise BadInputError("it is empty", hint=_READABLE)
    if head.lstrip(codecs.BOM_UTF8).lstrip()[:1] in {b"<", b"{", b"["}:
        raise BadInputError("it is HTML, XML or JSON", hint=_READABLE)
    return io.TextIOWrapper(stream, encoding or "utf-8", errors="mark", newline=None)


def _of(stream: io.BufferedReader, kinds: Mapping[bytes, T]) -> T | None:
    head = stream.peek(_HEAD)
    return next((kind for magic, kind in kinds.items() if head.startswith(magic)), None)
