"""What an image says that it holds is what it holds."""

import json
import subprocess

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from common.version import VERSION
from ops.supply.digests import pin
from tests.compose.registry import DIGEST, registry

NOBODY = "127.0.0.1:9"
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


def test_images_of_others_are_pinned_to_what_their_registry_has(tmp_path, capsys):
    """Names of another registry stay, older digests go, and what has no answer stays as it is."""
    settings = tmp_path / ".env"
    with registry() as address:
        settings.write_text(
            "PATIENTS=5\n"
            + "".join(f"{name}={address}/x:1\n" for name in ("KAFKA_IMAGE", "PYTHON_IMAGE"))
            + f"MYSQL_IMAGE={address}/mysql:9.7@sha256:{'0' * 64}\n"
            + "".join(f"{name}={NOBODY}/x:1\n" for name in ("PROMETHEUS_IMAGE", "GRAFANA_IMAGE"))
        )
        assert pin(settings) == 3
        assert pin(settings) == 3
    assert settings.read_text().splitlines() == [
        "PATIENTS=5",
        f"KAFKA_IMAGE={address}/x:1@{DIGEST}",
        f"PYTHON_IMAGE={address}/x:1@{DIGEST}",
        f"MYSQL_IMAGE={address}/mysql:9.7@{DIGEST}",
        f"PROMETHEUS_IMAGE={NOBODY}/x:1",
        f"GRAFANA_IMAGE={NOBODY}/x:1",
    ]
    assert capsys.readouterr().err.count("NOT PINNED") == 4
