"""``python -m ops.supply.digests``: pins the images of others in .env to what their registry has now.

A tag may be moved, a digest names bytes: from then on `docker compose` takes these and nothing else.
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

from common.atomic import write_atomic
from common.output import put_line, say

_REPOSITORY = Path(__file__).parents[2]
_LINE = re.compile(r"^([A-Z]+_IMAGE)=([^@\n]+).*$", re.MULTILINE)
_SECONDS = 60


def pin(settings: Path) -> int:
    """Writes a line for each image whose registry answers; the others stay as they are.

    Returns the exit code: 3 if a registry did not answer. Safe to repeat: a newer image under the
    same tag gets its new digest.
    """
    before = settings.read_text(encoding="utf-8") if settings.exists() else ""
    said = before + "\n" * (before[-1:] not in {"", "\n"})
    listed = (_REPOSITORY / ".env.example").read_text(encoding="utf-8")
    wanted = dict(_LINE.findall(listed)) | dict(_LINE.findall(before))
    failed = 0
    for name, image in wanted.items():
        digest = _digest(image)
        if digest is None:
            failed = 3
            continue
        line = f"{name}={image}@{digest}"
        put_line(line)
        said, replaced = re.subn(rf"^{name}=.*$", line, said, flags=re.MULTILINE)
        said += "" if replaced else f"{line}\n"
    if said != before:
        write_atomic(settings, lambda file: file.write(said.encode()))
    return failed


def _digest(image: str) -> str | None:
    """What the registry names the image of this tag; None, and a line that says why, if nothing."""
    command = ["docker", "buildx", "imagetools", "inspect", image]
    command += ["--format", "{{json .Manifest}}"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
        reason = done.stderr.strip()
        digest: object = json.loads(done.stdout)["digest"]
        if re.fullmatch(r"sha256:[0-9a-f]{64}", str(digest)):
            return str(digest)
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = str(error)
    except (ValueError, LookupError, TypeError):
        reason = reason or "the answer has no digest"
    say(f"{image}: NOT PINNED, no registry gave its digest\n    {reason}")
    return None


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ops.supply.digests", description=__doc__)
    parser.add_argument("--settings", type=Path, default=_REPOSITORY / ".env")
    return pin(parser.parse_args().settings)


if __name__ == "__main__":
    sys.exit(main())
