"""Programs of others in this terminal: what they print comes from messages, and is printed as ours is."""

import codecs
import re
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TextIO

from common.output import plain

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
    # not by line: a prompt has no end of line
    decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
    try:
        while chunk := source.read1(_MOST_BYTES):  # type: ignore[attr-defined]
            parts = _LAYOUT.split(decoder.decode(chunk))
            target.write("".join(part if part in "\n\t" else plain(part) for part in parts))
            target.flush()
    except BrokenPipeError:
        # nobody reads any more: the tool notices at its next line
        source.close()
