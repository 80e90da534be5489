"""Retrieval of jars with Ivy, which pyspark ships."""

import importlib.util
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import quoteattr

from common.errors import ConfigurationError, UnavailableError
from ops.stack.file_lock import exclusive
from ops.stack.jars import Jar, JarSet, is_complete, listed_jars, verify
from ops.stack.java import IN_UTF8
from ops.stack.log_tail import last_lines

_SETTINGS = """<ivysettings>
  <settings defaultResolver="central"/>
  <resolvers><ibiblio name="central" m2compatible="true" usepoms="false"/></resolvers>
</ivysettings>
"""
# the namespace in which Ivy expects a classifier
_EXTRA_ATTRIBUTES = "http://ant.apache.org/ivy/maven"
_POLL_SECONDS = 0.2

OnProgress = Callable[[int, int], None]
"""Called with the bytes downloaded so far and the bytes of the whole set."""


@dataclass(frozen=True)
class JarSource:
    """Where jars come from and go to: ``ivy_settings`` names a mirror; None is Maven Central."""

    java: Path
    folder: Path
    ivy_settings: Path | None = None


def retrieve(source: JarSource, jar_set: JarSet, on_progress: OnProgress | None = None) -> Path:
    """The folder with the verified jars of one set; downloads them only if they are missing.

    Guarantee: every file there had its committed checksum when it arrived. Safe to repeat, and in
    parallel for different sets.

    Raises:
        UnavailableError: the repository does not answer or lacks a jar.
        ConfigurationError: a jar does not match its checksum, or Ivy cannot be found.
    """
    return retrieve_jars(source, jar_set.value, listed_jars(jar_set), on_progress)


def retrieve_jars(
    source: JarSource, name: str, jars: list[Jar], on_progress: OnProgress | None = None
) -> Path:
    """The same for any list of jars, in a folder called ``name``."""
    folder = source.folder / name
    with exclusive(source.folder / f"{name}.lock"):
        if not is_complete(folder, jars):
            _download(source, name, jars, on_progress)
    return folder


def _download(
    source: JarSource, name: str, jars: list[Jar], on_progress: OnProgress | None
) -> None:
    folder = source.folder / name
    folder.mkdir(parents=True, exist_ok=True)
    work = source.folder / f"{name}.ivy"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    (work / "ivy.xml").write_text(module_descriptor(jars), encoding="utf-8")
    (work / "ivysettings.xml").write_text(_SETTINGS, encoding="utf-8")
    process = _start(source, folder, work)
    total_bytes = sum(jar.size_bytes for jar in jars)
    while process.poll() is None:
        time.sleep(_POLL_SECONDS)
        if on_progress:
            on_progress(_arrived_bytes(work / "cache"), total_bytes)
    if process.returncode != 0:
        raise UnavailableError(
            f"cannot retrieve the {name} jars:\n{last_lines(work / 'ivy.log', 12)}",
            hint="check the network; behind a mirror or proxy, set VITALS_IVY_SETTINGS to an"
            f" ivysettings.xml of your own (the full log: {work / 'ivy.log'})",
        )
    verify(folder, jars)
    # every jar of the folder is on the class path: those of an older version go
    names = {jar.file_name for jar in jars}
    for old in folder.glob("*.jar"):
        if old.name not in names:
            old.unlink()
    shutil.rmtree(work)


def module_descriptor(jars: list[Jar]) -> str:
    """An ivy.xml that names exactly these jars and follows none of their dependencies."""
    dependencies = "\n".join(
        f"<dependency org={quoteattr(jar.group)} name={quoteattr(jar.artifact)}"
        f' rev={quoteattr(jar.version)} transitive="false" conf="default->*">'
        f"{_archive(jar)}</dependency>"
        for jar in jars
    )
    return (
        f'<ivy-module version="2.0" xmlns:m={quoteattr(_EXTRA_ATTRIBUTES)}><info organisation="vitals" module="stack"/>'
        f'<configurations><conf name="default"/></configurations>'
        f"<dependencies>\n{dependencies}\n</dependencies></ivy-module>\n"
    )


def _archive(jar: Jar) -> str:
    if not jar.classifier:
        return ""
    name, extension = quoteattr(jar.artifact), quoteattr(jar.extension)
    classifier = quoteattr(jar.classifier)
    return f"<artifact name={name} type={extension} ext={extension} m:classifier={classifier}/>"


def ivy_jar() -> Path:
    """Ivy's own jar inside the installed pyspark, found without importing pyspark."""
    spec = importlib.util.find_spec("pyspark")
    found = sorted(Path(spec.origin).parent.glob("jars/ivy-*.jar")) if spec and spec.origin else []
    if not found:
        raise ConfigurationError(
            "pyspark, which ships Ivy, is not installed",
            hint="install the requirements of locks/runtime.txt, or use a `make` target, which does",
        )
    return found[-1]


def _start(source: JarSource, folder: Path, work: Path) -> subprocess.Popen[bytes]:
    settings = source.ivy_settings.resolve() if source.ivy_settings else "ivysettings.xml"
    # names relative to the current folder: in a pattern of Ivy, brackets of a path mean something
    command = [
        *(*IN_UTF8, str(source.java), "-jar", str(ivy_jar()), "-settings", str(settings)),
        *("-ivy", "ivy.xml", "-confs", "default", "-cache", "cache"),
        *("-retrieve", f"../{folder.name}/[artifact]-[revision](-[classifier]).[ext]"),
    ]
    with (work / "ivy.log").open("wb") as log:
        return subprocess.Popen(
            command, cwd=work, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )


def _arrived_bytes(cache: Path) -> int:
    paths = [*cache.rglob("*.jar"), *cache.rglob("*.gz"), *cache.rglob("*.part")]
    # Ivy renames a file when it is complete, perhaps between the listing and this
    return sum(path.stat().st_size for path in paths if path.exists())
