"""docker-compose.yml agrees with .env.example, the version and the embedded stack."""

import re
from pathlib import Path

import pytest

from common.broker.principals import Principal
from common.version import VERSION
from ops.credentials.compose import NAMES
from ops.stack.kafka_files import Logins, Places, broker_properties

REPOSITORY = Path(__file__).parents[2]
COMPOSE = (REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8")
CODE = "\n".join(line for line in COMPOSE.splitlines() if not line.lstrip().startswith("#"))
EMBEDDED = broker_properties(
    Path("data"),
    Places(9092, 9091, 9093),
    Logins(Path("secrets"), dict.fromkeys(Principal, "secret")),
)
IMAGES = {
    "KAFKA_IMAGE": "apache/kafka:4.4.0",
    "MYSQL_IMAGE": "mysql:9.7",
    "PYTHON_IMAGE": "python:3.13-slim-trixie",
    "PROMETHEUS_IMAGE": "prom/prometheus:v3.5.0",
    "GRAFANA_IMAGE": "grafana/grafana:12.2.0",
}
ADDRESSES = ("listener", "quorum.voters", "log.dirs", "location")

# Who may open a connection to whom; `secrets` has no network at all
MAY_REACH = {
    "kafka": {"setup", "producer", "consumer", "monitor", "ops", "rotate"},
    "mysql": {"setup", "consumer", "monitor", "ops", "rotate"},
    "setup": {"kafka", "mysql", "producer", "consumer", "monitor", "ops", "rotate"},
    "producer": {"kafka", "setup", "consumer", "monitor", "ops", "prometheus", "grafana", "rotate"},
    "consumer": {
        "kafka",
        "mysql",
        "setup",
        "producer",
        "monitor",
        "ops",
        "prometheus",
        "grafana",
        "rotate",
    },
    "monitor": {"kafka", "mysql", "setup", "producer", "consumer", "ops", "rotate"},
    "ops": {"kafka", "mysql", "setup", "producer", "consumer", "monitor", "rotate"},
    "prometheus": {"producer", "consumer", "grafana"},
    "grafana": {"producer", "consumer", "prometheus"},
    "secrets": set(),
    "rotate": {"kafka", "mysql", "setup", "producer", "consumer", "monitor", "ops"},
}


def test_env_example_names_every_setting_with_its_default_and_no_other():
    used = re.findall(r"\$\{([A-Z_]+):-([^}]*)\}", CODE)
    lines = (REPOSITORY / ".env.example").read_text(encoding="utf-8").splitlines()
    shown = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert set(used) == set(shown.items())
    # with two $ it is Kafka's: a password that the broker reads from its file
    own = re.sub(r"\$\$\{directory:[^}]*\}|\$\{[A-Z_]+:-[^}]*\}", "", CODE)
    assert "${" not in own, "a setting without a default"


def test_images_carry_the_version_of_the_project():
    assert set(re.findall(r"image: vital-signs/\w+:(\S+)", CODE)) == {VERSION}


def test_images_of_others_are_pinned():
    others = re.findall(
        r"(?:image|PYTHON_IMAGE): \"?(?!vital-signs/)(\S+?})\"?}?$", CODE, re.MULTILINE
    )
    assert set(others) == {f"${{{name}:-{image}}}" for name, image in IMAGES.items()}
    dockerfile = (REPOSITORY / "ops/images/Dockerfile").read_text(encoding="utf-8")
    assert re.findall(r"^ARG PYTHON_IMAGE=(.*)$", dockerfile, re.MULTILINE) == [
        IMAGES["PYTHON_IMAGE"]
    ]
    assert not re.findall(r"^FROM \S+:", dockerfile, re.MULTILINE)


def test_a_container_reaches_only_those_whose_network_it_needs():
    services = CODE.split("\nservices:\n")[1].split("\nnetworks:\n")[0]
    found = {}
    for name, body in re.findall(r"^  (\w+):\n((?:(?:    .*)?\n)*)", services, re.MULTILINE):
        (networks,) = re.findall(r"^    (?:networks|network_mode): (.+)$", body, re.MULTILINE)
        found[name] = set(networks.strip("[]").split(", ")) - {"none"}
    shared = {
        name: {other for other in found if other != name and found[name] & found[other]}
        for name in found
    }
    assert shared == MAY_REACH


def test_secrets_are_the_files_that_the_command_makes():
    found = re.findall(r"^  ([\w.]+): \{file: \"\$\{SECRETS_DIR", CODE, re.MULTILINE)
    assert set(found) == set(NAMES)


def test_each_part_gets_its_own_secrets_only():
    """A producer has none of the database; nobody who looks or writes has the administrators'."""
    found = {}
    for name in ("kafka", "mysql", "producer", "consumer", "monitor"):
        (block,) = re.findall(rf"^  {name}:\n((?:    .*\n|\n)+)", CODE, re.MULTILINE)
        (listed,) = re.findall(r"^    secrets: \[(.*)\]$", block, re.MULTILINE)
        found[name] = set(listed.split(", ")) - {"ca.pem"}
    keys = {"batch_key_producer", "batch_key_operator"}
    assert found["producer"] == {"kafka_producer_password", "batch_key_producer"}
    assert found["consumer"] == {"kafka_consumer_password", "db_consumer_password", *keys}
    assert not {name for name in found["kafka"] if name.startswith("db_")}
    assert not {name for name in found["mysql"] if name.startswith("kafka_")}
    assert not {name for name in found["monitor"] if "admin" in name or "root" in name}


@pytest.mark.parametrize(
    "name", [name for name in EMBEDDED if not any(a in name for a in ADDRESSES)]
)
def test_the_broker_is_set_as_the_embedded_one(name):
    variable = "KAFKA_" + name.upper().replace(".", "_")
    (value,) = re.findall(rf"^ +{variable}: \"?([^\"\n]+)\"?$", CODE, re.MULTILINE)
    assert value == EMBEDDED[name]


def test_image_locks_hold_versions_of_the_runtime_lock_only():
    runtime = pinned("runtime")
    for image in ("producer", "consumer", "ops"):
        assert pinned(f"image-{image}") <= runtime, image


def pinned(lock):
    text = (REPOSITORY / "locks" / f"{lock}.txt").read_text(encoding="utf-8")
    return set(re.findall(r"^(\S+==.*) \\$", text, re.MULTILINE))
