"""The READMEs say what is so: their commands run, their tables and links are complete."""

import json
import os
import re
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from common.crash_points import CrashSettings
from common.metrics_server import MetricsSettings
from common.settings import DatabaseSettings, KafkaSettings, LogSettings, OutputSettings
from consumer.settings import ConsumerSettings
from ops.cli.commands.setup import SetupSettings
from ops.monitor.settings import MonitorSettings
from ops.stack.invocation import StackSettings
from producer.settings import ProducerSettings
from tests.readme import CONTAINERS, READMES, REPOSITORY, blocks, section, text_of

ALL_SETTINGS = (
    KafkaSettings,
    DatabaseSettings,
    LogSettings,
    OutputSettings,
    ProducerSettings,
    ConsumerSettings,
    StackSettings,
    SetupSettings,
    MetricsSettings,
    MonitorSettings,
    CrashSettings,
)


def pages():
    roots = (REPOSITORY.glob("*.md"), *(REPOSITORY.glob(f"{each}/**/*.md") for each in DOCUMENTED))
    return sorted(path for root in roots for path in root)


DOCUMENTED = ("docs", "tests", "benchmarks", "schemas")


class Reader:
    """Somebody who types what the README says, in a folder of their own."""

    def __init__(self, folder, cache):
        self.folder = folder
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("KAFKA_", "DB_", "VITALS_HOME", "OUTPUT_DIR"))
        }
        self.environment = inherited | {
            "PATH": f"{sys.prefix}/bin{os.pathsep}{os.environ['PATH']}",
            "VITALS_HOME": str(folder / ".vitals"),
            "VITALS_CACHE": str(cache),
            "GENERATION_INTERVAL_SECONDS": "2",
            "FAULT_SHARE": "0.2",
        }
        (folder / ".venv").symlink_to(sys.prefix)
        (csv,) = blocks(text_of("README.md"), "csv")
        (folder / "readings.csv").write_text(csv, encoding="utf-8")

    def types(self, commands, *, seconds=60):
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=seconds,
        )

    def starts(self, command):
        """Runs ``vitals up`` in its own terminal; returns when it is as far as the README says."""
        log = self.folder / "up.log"
        with log.open("wb") as file:
            up = subprocess.Popen(
                [*command.split(), "--patients", "10"],
                cwd=self.folder,
                env=self.environment,
                stdout=file,
                stderr=file,
            )
        # a new machine downloads and unpacks the database and prepares Spark's classes first
        deadline = time.monotonic() + 300
        is_producing = "--producers 0" not in command
        while not self._is_up(is_producing):
            assert up.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.5)

    def _is_up(self, is_producing):
        answer = self.types("vitals status --json")
        if answer.returncode != 0:
            return False
        status = json.loads(answer.stdout)
        # without producers everything that is in the topic must have arrived
        return status["accepted"] > 0 and (is_producing or status["lag_messages"] == 0)


@contextmanager
def reader(folder, cache):
    someone = Reader(folder, cache)
    try:
        yield someone
    finally:
        someone.types("vitals down", seconds=180)


def test_every_command_of_the_readme_works_in_the_order_of_the_page(jars, tmp_path):
    """Each block ends with 0 and says something; `vitals up` runs beside the blocks after it."""
    with reader(tmp_path, jars.parent) as someone:
        page = text_of("README.md").replace(section("README.md", *CONTAINERS), "")
        for block in blocks(page, "sh"):
            if block.startswith("vitals up"):
                someone.starts(block.strip())
                continue
            answer = someone.types(block)
            assert answer.returncode == 0, f"{block}\n{answer.stdout}\n{answer.stderr}"
            assert answer.stdout.strip() or "vitals down" in block, f"{block} prints nothing"
            if "vitals reconcile" in block:
                assert "PROVED: " in answer.stdout
                assert "NOT PROVED" not in answer.stdout
        assert someone.types("vitals status").returncode == 3


@pytest.mark.parametrize("language", ["sh", "text", "csv", "powershell"])
def test_portuguese_readme_has_the_same_commands_and_outputs(language):
    english, portuguese = (blocks(text_of(readme), language) for readme in READMES)
    assert english
    assert portuguese == english


@pytest.mark.parametrize("readme", READMES)
def test_make_targets_of_the_readme_exist(readme):
    named = set(re.findall(r"(?:`|\$ )make ([a-z-]+)", text_of(readme)))
    known = set(re.findall(r"^([a-z-]+):.*## ", text_of("Makefile"), re.MULTILINE))
    assert {"demo", "test", "up"} <= named
    assert named <= known


@pytest.mark.parametrize("readme", READMES)
def test_settings_tables_name_every_setting_with_its_default_and_no_other(readme):
    rows = re.findall(
        r"^\| `([A-Z_]+)`[ *]*\| (.*?) \|",
        section(readme, "Settings", "Configuração"),
        re.MULTILINE,
    )
    shown = dict(rows)
    fields = {
        name.upper(): field for kind in ALL_SETTINGS for name, field in kind.model_fields.items()
    }
    assert len(rows) == len(shown)
    assert shown.keys() == fields.keys()
    for name, field in fields.items():
        value = None if field.is_required() else field.default
        has_plain_default = not (field.is_required() or field.default_factory or value is None)
        literal = re.fullmatch("`([^`]*)`", shown[name])
        assert bool(literal) == has_plain_default, name
        if literal:
            # 0.0 and 0 are the same setting
            assert type(value)(literal[1]) == value, name


@pytest.mark.parametrize("readme", READMES)
def test_places_in_the_code_that_the_readme_names_exist(readme):
    rows = section(readme, "Where is what", "Onde fica cada coisa").splitlines()
    tokens = [re.findall(r"`([\w./-]+)`", row) for row in rows if row.startswith("| ")]
    places = [[each for each in row if re.search(r"[./]", each)] for row in tokens]
    assert sum(map(len, places)) > 20
    for row in filter(None, places):
        folder = REPOSITORY / row[0] if row[0].endswith("/") else REPOSITORY
        for place in row:
            assert (REPOSITORY / place).exists() or (folder / place).exists(), place


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_links_of_a_page_lead_to_files(page):
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
    missing = [each for each in targets if not (page.parent / each).exists()]
    assert not missing


def test_list_of_decisions_is_complete():
    folder = REPOSITORY / "docs" / "decisions"
    listed = re.findall(r"\]\((\d{4}-.*?\.md)\)", (folder / "README.md").read_text())
    assert listed == sorted(path.name for path in folder.glob("[0-9]*.md"))


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_page_names_no_machine_path_and_no_registry_host(page):
    """A path or a mirror of the machine that a page was written on is of no use to its reader."""
    # a place in Kafka's own image is the same for every reader
    text = page.read_text(encoding="utf-8").replace("/opt/kafka/bin/", "")
    assert not re.findall(r"(?<![\w.\]*])/(?:work|home|root|Users|tmp|opt|mnt|var)/\S*", text)
    assert not re.findall(r"(?i)\b(?:pypi|maven|repo\d?|nexus|artifactory)\.[a-z.]+/?\S*", text)
