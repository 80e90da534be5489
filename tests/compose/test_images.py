"""What an image says that it holds is what it holds."""

import json
import subprocess

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from common.version import VERSION

NAMES = "from importlib.metadata import distributions as d; print(*(p.name for p in d(path=['/packages'])))"


@pytest.mark.parametrize("image", ["producer", "consumer", "ops"])
@pytest.mark.usefixtures("built")
def test_the_bill_of_materials_of_an_image_lists_all_that_is_installed(image):
    text = inside(image, "cat", "/sbom.cdx.json")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    parts = json.loads(text)["components"]
    packages = inside(image, "dpkg-query", "--show", "--showformat", "${Package}\n").split()
    names = [
        name.lower().replace("_", "-") for name in inside(image, "python", "-c", NAMES).split()
    ]
    found = {
        kind: {part["name"] for part in parts if part["purl"].startswith(f"pkg:{kind}/")}
        for kind in ("deb", "pypi")
    }
    assert found == {"deb": set(packages), "pypi": set(names)}
    hashes = {part["hashes"][0]["content"] for part in parts if "hashes" in part}
    # but Java's own jar, which is listed as Java
    find = "find / -xdev -path /java -prune -o -name '*.jar' -exec sha256sum {} +"
    sums = inside(image, "sh", "-c", find)
    assert hashes == set(sums.split()[::2])
    assert bool(hashes) == (image != "producer")


def inside(image, *command):
    run = ("docker", "run", "--rm", "--user", "0", f"vital-signs/{image}:{VERSION}")
    done = subprocess.run([*run, *command], capture_output=True, text=True, check=True)
    return done.stdout
