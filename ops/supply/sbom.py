"""``python -m ops.supply.sbom IMAGE``: the bill of materials of the image in which it runs.

CycloneDX 1.6 as JSON. It holds no time: the same image has the same document.
"""

import json
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

from common.output import put_json
from common.version import VERSION
from ops.supply.components import Component, debian_packages, jars, python_packages, runtimes

_JARS = ("packages", "connectors", "uplot.jar")
"""Where our images have jars."""


def image_components(root: Path) -> Iterator[Component]:
    """Everything below the root of an image that was installed there."""
    yield from debian_packages(root / "var" / "lib" / "dpkg" / "status")
    yield from runtimes(root)
    yield from python_packages(root / "packages")
    yield from jars(*(root / place for place in _JARS if (root / place).exists()))


def document(image: str, components: Iterator[Component]) -> dict[str, object]:
    """The document; equal parts in several places are one component."""
    parts = [_part(component) for component in sorted(set(components))]
    named = json.dumps([image, VERSION, parts])
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, named)}",
        "version": 1,
        "metadata": {
            "component": {"type": "container", "name": f"vital-signs/{image}", "version": VERSION}
        },
        "components": parts,
    }


def _part(component: Component) -> dict[str, object]:
    part: dict[str, object] = {
        "type": "library",
        "bom-ref": component.purl + (f"#{component.sha256}" if component.sha256 else ""),
        "name": component.name,
        "version": component.version,
        "purl": component.purl,
    }
    if component.group:
        part["group"] = component.group
    if component.sha256:
        part["hashes"] = [{"alg": "SHA-256", "content": component.sha256}]
    return part


if __name__ == "__main__":
    put_json(document(sys.argv[1], image_components(Path("/"))), indent=1)
