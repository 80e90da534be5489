"""What a Spark cluster gets from the driver: the connector jars, and the code that its workers run."""

import importlib.util
import re
import zipfile
from pathlib import Path

from common.errors import ConfigurationError

_PACKAGES = ("common", "consumer", "db", "schemas")
_UNPACKED = "vitals-code"
# Spark splits lists of paths at commas, expands patterns, and reads the rest as URIs
_MISREAD = re.compile(r"[\s,#%*?\[\]{}\\]")


def cluster_options(jars: Path, scratch: Path) -> dict[str, str]:
    """Options of a session on a cluster; ``scratch`` must exist as long as the session.

    As an archive, because the daemon of the Python workers is a module of ours: files of
    ``spark.submit.pyFiles`` are on its path only after it has started.

    Raises:
        ConfigurationError: Spark would misread the name of one of the folders.
    """
    for name, folder in (("SPARK_JARS_DIR", jars), ("TMPDIR", scratch)):
        if _MISREAD.search(str(folder)):
            raise ConfigurationError(
                f"Spark cannot send files of {folder} to a cluster: it misreads its name ({name})",
                hint=f"set {name} to a folder without blanks, commas and other marks in its name",
            )
    code = scratch / "vitals-code.zip"
    _pack(code)
    return {
        "spark.jars": ",".join(str(path) for path in sorted(jars.glob("*.jar"))),
        "spark.archives": f"{code}#{_UNPACKED}",
        "spark.executorEnv.PYTHONPATH": f"./{_UNPACKED}",
    }


def _pack(target: Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for package in _PACKAGES:
            spec = importlib.util.find_spec(package)
            for folder in (spec and spec.submodule_search_locations) or ():
                for path in sorted(Path(folder).rglob("*")):
                    if path.is_file() and path.suffix != ".pyc":
                        archive.write(path, Path(package, path.relative_to(folder)))
