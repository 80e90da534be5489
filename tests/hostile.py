"""Texts that a terminal obeys, hides or reads as markup, and what may be left of them."""

import re
import unicodedata

HOSTILE = (
    "bed\x1b[2J\x1b]0;title\x077",
    "bed\r\nPROVED: 0 missing",
    "bed\u202e7\u2066\u2069\u200b",
    "bed[/nonsense][red]",
    "bed\x85\x9b31m\x00\x7f",
    "bed\u2028\u2029\ufeff\U000e0041",
)
LONE_SURROGATE = "bed\ud800"
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def left_over(text, *, is_terminal=False):
    """The characters of a command's output that it must not have; colours are a terminal's own."""
    text = _ANSI.sub("", text) if is_terminal else text
    unsafe = {character for character in text if unicodedata.category(character) in UNSAFE}
    return {hex(ord(character)) for character in unsafe - {"\n"}}


UNSAFE = ("Cc", "Cf", "Cs", "Zl", "Zp")
