"""Cells of a file as text and as numbers, one column at a time; unreadable ones are marked.

Every function returns an array and a mask of the rows that could not be read, and raises
BadInputError for a column that holds something else altogether.
"""

import math
import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from common.arrays import Floats, Mask
from common.errors import BadInputError
from producer.replay.content import shown
from producer.replay.reader import TEXT

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_NO_VALUE = pa.array(["", "nan", "na", "n/a", "null", "none"], TEXT)
_EXACT = 1 << 53
"""Up to here a double holds each whole number."""


def texts(column: pa.Array, name: str) -> tuple[pa.Array, Mask]:
    """Text exactly as the file has it, an empty string for nothing; bad is what is not UTF-8.

    Binary columns are text that was written without saying so, as Impala does. Whole numbers are
    their digits.
    """
    column = plain(column)
    if is_textual(column.type):
        found, is_bad = _decoded(column)
    elif types.is_integer(column.type) or _is_whole(column.type) or types.is_null(column.type):
        found, is_bad = column.cast(TEXT), np.zeros(len(column), bool)
    else:
        raise refused(column, name, "text or whole numbers")
    return pc.fill_null(found, ""), is_bad


def values(column: pa.Array, name: str, *, has_decimal_commas: bool = False) -> tuple[Floats, Mask]:
    """Doubles; NaN where the file has nothing (null, an empty field, NaN, NA).

    Bad are text that is not a number; infinity, which no sensor measures and the archive's JSON
    cannot hold; and whole numbers that no double holds, such as the lowest of 64 bits, which
    stands for nothing in some systems.
    """
    column = plain(column)
    kind = column.type
    if is_textual(kind):
        found, is_bad = _from_text(column, has_decimal_commas=has_decimal_commas)
    elif types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        found = numbers(column.cast(pa.float64(), safe=False), math.nan)
        is_bad = np.zeros(len(column), bool)
        if types.is_integer(kind):
            is_bad = np.abs(found) > _EXACT
    elif types.is_null(kind):
        found, is_bad = np.full(len(column), math.nan), np.zeros(len(column), bool)
    else:
        raise refused(column, name, "numbers or text")
    is_bad = is_bad | np.isinf(found)
    return np.where(is_bad, math.nan, found), is_bad


def plain(column: pa.Array) -> pa.Array:
    """The column without a dictionary."""
    return column.dictionary_decode() if types.is_dictionary(column.type) else column


def is_textual(kind: pa.DataType) -> bool:
    """Whether it holds text, or bytes that may be text."""
    is_binary = types.is_fixed_size_binary(kind) and not isinstance(kind, pa.BaseExtensionType)
    return is_binary or any(
        is_of(kind)
        for is_of in (
            *(types.is_string, types.is_large_string, types.is_string_view),
            *(types.is_binary, types.is_large_binary, types.is_binary_view),
        )
    )


def refused(column: pa.Array, name: str, accepted: str) -> BadInputError:
    """The error for a column of a type that cannot be meant."""
    return BadInputError(
        f"its column {name} holds {shown(column.type, 80)}", hint=f"write it as {accepted}"
    )


def numbers(column: pa.Array, nothing: Any) -> npt.NDArray[Any]:
    """The column as an array, ``nothing`` for nulls."""
    return np.asarray(pc.fill_null(column, nothing).to_numpy(zero_copy_only=False))


def nulls(column: pa.Array) -> Mask:
    """Where it has nothing."""
    return np.asarray(column.is_null().to_numpy(zero_copy_only=False), dtype=bool)


def cell(column: pa.Array, row: int) -> str:
    """One cell as a message shows it."""
    column = plain(column.slice(row, 1))
    if is_textual(column.type):
        raw = column.cast(pa.large_binary())[0].as_py()
        return shown((raw or b"").decode(errors="replace"))
    try:
        value = column[0].as_py()
        return shown("" if value is None else value)
    except (ValueError, OverflowError):
        # a time that Python cannot hold
        return shown(column.cast(pa.int64())[0].as_py())


def _decoded(column: pa.Array) -> tuple[pa.Array, Mask]:
    raw = column.cast(pa.large_binary())
    try:
        return raw.cast(TEXT), np.zeros(len(column), bool)
    except pa.ArrowInvalid:
        found = [_text_or_none(cell) for cell in raw.to_pylist()]
        decoded = pa.array(found, TEXT)
        return decoded, nulls(decoded) & ~nulls(column)


def _text_or_none(raw: bytes | None) -> str | None:
    try:
        return None if raw is None else raw.decode()
    except UnicodeDecodeError:
        return None


def _from_text(column: pa.Array, *, has_decimal_commas: bool) -> tuple[Floats, Mask]:
    text, is_undecodable = _decoded(column)
    text = pc.utf8_trim_whitespace(text)
    is_nothing = pc.is_in(pc.utf8_lower(text), value_set=_NO_VALUE)
    text = pc.if_else(is_nothing, pa.scalar(None, TEXT), text)
    has_comma = pc.match_substring(text, ",")
    if has_decimal_commas and pc.any(has_comma).as_py():
        # 1.234 beside 36,5 may be a thousand: refused, like all that has both
        text = pc.replace_substring(pc.replace_substring(text, ".", "?"), ",", ".")
    try:
        return numbers(text.cast(pa.float64()), math.nan), is_undecodable
    except pa.ArrowInvalid:
        is_number = [
            one_text is not None and _NUMBER.fullmatch(one_text) is not None
            for one_text in text.to_pylist()
        ]
        found = pc.if_else(pa.array(is_number, pa.bool_()), text, pa.scalar(None, TEXT))
        is_bad = ~np.array(is_number, bool) & ~nulls(text)
        return numbers(found.cast(pa.float64()), math.nan), is_bad | is_undecodable


def _is_whole(kind: pa.DataType) -> bool:
    return bool(types.is_decimal(kind) and kind.scale == 0)
