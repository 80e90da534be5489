"""Programs of others in this terminal: what they print comes from messages, and is printed as ours is."""

import codecs
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, TextIO

from common.output import encodable, plain

_MOST_BYTES = 65_536
_LAYOUT = re.compile(r"([\n\t])")


def run_plainly(command: Sequence[str], cwd: Path | None = None) -> int:
    """Runs it in a folder until it ends or Ctrl-C; returns its exit code."""
    with subprocess.Popen(
        command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        pairs = [(child.stdout, sys.stdout), (child.stderr, sys.stderr)]
        relays = [threading.Thread(target=_relay, args=pair, daemon=True) for pair in pairs]
        try:
            for relay in relays:
                relay.start()
            for relay in relays:
                relay.join()
            return child.wait()
        except KeyboardInterrupt:
            return 130


def _relay(source: IO[bytes], target: TextIO) -> None:
    # closed whatever happens: a tool whose lines nobody takes would wait for ever; it notices at the next one
    with source, suppress(BrokenPipeError):
        for text in _texts(source):
            parts = (part if part in "\n\t" else plain(part) for part in _LAYOUT.split(text))
            target.write(encodable("".join(parts), target))
            target.flush()


def _texts(source: IO[bytes]) -> Iterator[str]:
    # not by line: a prompt has no end of line
    decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
    while chunk := source.read1(_MOST_BYTES):  # type: ignore[attr-defined]
        yield decoder.decode(chunk)
    # the end may be in the middle of a character
    yield decoder.decode(b"", final=True)
