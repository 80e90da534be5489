"""``python -m ops.supply.audit``: known vulnerabilities in what is locked, downloaded and bundled.

Exit code 0: none; 1: some; 3: no advisory database answered, and nothing is known.
"""

import argparse
import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable, Sequence
from importlib.metadata import distribution
from pathlib import Path

from common.errors import UnavailableError, VitalsError
from common.output import put_line, say_error
from ops.supply.components import Component, jars, listed_jars

_LOCKS = Path(__file__).parents[2] / "locks"
_PUBLIC = "https://api.osv.dev/v1"
_SECONDS = 30
_ACCEPTED = Path(__file__).with_name("accepted.txt")


def audit(database: str) -> int:
    """Prints what was asked and what was found; returns the exit code."""
    accepted = {line.split()[0] for line in _ACCEPTED.read_text().splitlines() if line[0] != "#"}
    shipped = sorted({*listed_jars(), *jars(_spark_jars())})
    named = [jar for jar in shipped if not jar.purl.startswith("pkg:generic/")]
    vulnerable = _advisories(named, database)
    found = [(jar.purl, name) for jar, names in vulnerable.items() for name in names]
    put_line(f"jars: {len(named)} asked about, {len(shipped) - len(named)} without coordinates")
    found += _python(database)
    for purl, name in found:
        put_line(f"  {name}  {purl}{'  (accepted)' if name in accepted else ''}")
    wrong = [name for _, name in found if name not in accepted]
    put_line(f"{database}: {len(wrong)} known vulnerabilities, {len(found) - len(wrong)} accepted")
    return 1 if wrong else 0


def _advisories(components: Sequence[Component], database: str) -> dict[Component, list[str]]:
    """The ids of the advisories, for each component that has any.

    Raises UnavailableError if nothing answers, or not as an advisory database does.
    """
    queries = [{"package": {"purl": component.purl}} for component in components]
    request = urllib.request.Request(  # noqa: S310 - an address that the caller chose
        f"{database}/querybatch",
        data=json.dumps({"queries": queries}).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
            results = json.load(answer)["results"]
        found = [[advisory["id"] for advisory in result.get("vulns", ())] for result in results]
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise _silent(database, str(error)) from error
    return {component: ids for component, ids in zip(components, found, strict=True) if ids}


def _silent(database: str, reason: str) -> UnavailableError:
    """The error that says so: a database that did not answer is not one that found nothing."""
    return UnavailableError(
        f"no advisory database answers at {database} ({reason}): NOTHING WAS AUDITED",
        hint="run it where that address can be reached, or name another one that speaks the API"
        ' of OSV: make audit ARGS="--database URL"',
    )


def _python(database: str) -> Iterable[tuple[str, str]]:
    """Purl and advisory of each hit of pip-audit on the locks.

    pip-audit also ends with 1 when its database fails, and calls a package that it could not ask
    about "skipped", with 0: only a document without such packages counts.
    """
    locks = sorted(_LOCKS.glob("*.txt"))
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--progress-spinner", "off"]
    command += ["--format", "json", "--vulnerability-service", "osv"]
    command += ["--osv-url", f"{database}/query", *(f"--requirement={lock}" for lock in locks)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except ValueError as error:
        last = done.stderr.strip().splitlines()[-1:] or ["no output"]
        raise _silent(database, f"pip-audit: {last[0]}") from error
    skipped = [package["name"] for package in packages if "version" not in package]
    if skipped:
        raise _silent(database, f"pip-audit skipped {', '.join(skipped)}")
    put_line(f"Python packages: {len(packages)} in {len(locks)} locks")
    return [
        (f"pkg:pypi/{package['name']}@{package['version']}", advisory["id"])
        for package in packages
        for advisory in package["vulns"]
    ]


def _spark_jars() -> Path:
    return Path(str(distribution("pyspark").locate_file("pyspark/jars")))


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ops.supply.audit", description=__doc__)
    parser.add_argument("--database", default=_PUBLIC, help="address of an API like OSV's")
    try:
        return audit(parser.parse_args().database)
    except VitalsError as error:
        say_error(error)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
