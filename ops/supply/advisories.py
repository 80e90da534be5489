"""An advisory database that speaks the API of OSV, asked about many components at once."""

import json
import urllib.error
import urllib.request
from collections.abc import Sequence

from common.errors import UnavailableError
from ops.supply.components import Component

PUBLIC = "https://api.osv.dev/v1"
_SECONDS = 30


def advisories_of(components: Sequence[Component], database: str) -> dict[Component, list[str]]:
    """The ids of the advisories, for each component that has any.

    Raises:
        UnavailableError: nothing answers, or not as an advisory database does.
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
        found = [[one["id"] for one in result.get("vulns", ())] for result in results]
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise silent(database, str(error)) from error
    return {component: ids for component, ids in zip(components, found, strict=True) if ids}


def silent(database: str, reason: str) -> UnavailableError:
    """The error that says so: a database that did not answer is not one that found nothing."""
    return UnavailableError(
        f"no advisory database answers at {database} ({reason}): NOTHING WAS AUDITED",
        hint="run it where that address can be reached, or name another one that speaks the API"
        ' of OSV: make audit ARGS="--database URL"',
    )
