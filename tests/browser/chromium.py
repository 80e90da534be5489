"""The Chromium that the browser tests drive: the machine's, or one unpacked without root.

`python -m tests.browser.chromium` prints its path, and downloads it if there is none.
"""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from common.errors import ConfigurationError, UnavailableError
from ops.stack.file_lock import exclusive
from tests.browser.packages import PACKAGE, download, unpack

CACHE = Path(__file__).parents[2] / ".vitals" / "cache"
_ON_PATH = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ALIAS = "<alias><family>{}</family><prefer><family>Liberation Sans</family></prefer></alias>\n"
_HINT = (
    "install it (Debian: apt-get install chromium; elsewhere Chromium or Google Chrome from its"
    " vendor), so that `chromium` or `google-chrome` is on PATH"
)

Say = Callable[[str], None]


def find_or_bring(folder: Path, say: Say) -> Path:
    """The program to start. Downloads it into ``folder`` if the machine has none.

    Safe to repeat and in parallel; an earlier download is used again.

    Raises:
        ConfigurationError: there is none, and no way to get one on this machine.
        UnavailableError: the packages cannot be downloaded now.
    """
    for name in _ON_PATH:
        # Ubuntu's chromium-browser may be a script that only says how to install it
        if (found := shutil.which(name)) and not _why_not(Path(found)):
            return Path(found)
    folder = folder / "chromium"
    wrapper = folder / "chromium"
    with exclusive(folder.with_name("chromium.lock")):
        if wrapper.is_file() and not _why_not(wrapper):
            return wrapper
        _bring(folder, wrapper, say)
    return wrapper


def _bring(folder: Path, wrapper: Path, say: Say) -> None:
    missing = [name for name in ("apt-get", "dpkg") if shutil.which(name) is None]
    if missing:
        raise ConfigurationError(
            f"no Chromium found, and no {missing[0]} to install one", hint=_HINT
        )
    say(f"no Chromium on PATH: downloading {PACKAGE} and its dependencies into {folder} (once)")
    shutil.rmtree(folder, ignore_errors=True)
    archives = download(folder, say)
    root = folder / "root"
    unpack(archives, root, say)
    program = root / "usr" / "lib" / "chromium" / "chromium"
    if not program.is_file():
        raise ConfigurationError(
            f"this machine's package {PACKAGE} contains no browser", hint=_HINT
        )
    _write_wrapper(wrapper, program, root)
    if why := _why_not(wrapper):
        raise UnavailableError(f"the unpacked Chromium does not start: {why}", hint=_HINT)
    shutil.rmtree(folder / "apt")


def _write_wrapper(wrapper: Path, program: Path, root: Path) -> None:
    libraries = sorted({path.parent for path in root.glob("usr/lib/**/*.so*")} - {program.parent})
    fonts = wrapper.with_name("fonts.conf")
    fonts.write_text(
        "<fontconfig>\n"
        f"<dir>{root / 'usr/share/fonts'}</dir>\n<dir>/usr/share/fonts</dir>\n"
        f"<cachedir>{root / 'fontcache'}</cachedir>\n"
        + "".join(_ALIAS.format(name) for name in ("sans-serif", "system-ui"))
        + "</fontconfig>\n",
        encoding="utf-8",
    )
    paths = ":".join(str(library) for library in libraries)
    wrapper.write_text(
        "#!/bin/sh\n"
        f"export LD_LIBRARY_PATH={shlex.quote(paths)}\n"
        f"export FONTCONFIG_FILE={shlex.quote(str(fonts))}\n"
        f'exec {shlex.quote(str(program))} "$@"\n',
        encoding="utf-8",
    )
    wrapper.chmod(0o755)


def _why_not(program: Path) -> str:
    """Empty if it starts and prints its version, else its output."""
    try:
        found = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    is_browser = found.returncode == 0 and "chrom" in found.stdout.lower()
    return "" if is_browser else (found.stderr or found.stdout).strip()[-500:] or "no output"


if __name__ == "__main__":
    os.umask(0o022)
    try:
        print(find_or_bring(CACHE, print))
    except (ConfigurationError, UnavailableError) as error:
        print(f"{error.message}\n  -> {error.hint}", file=sys.stderr)
        sys.exit(error.exit_code)
