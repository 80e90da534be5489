"""The generated pages of docs/reference say what the code says."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import TypeAdapter

import ops.stack.environments
from common.settings import Settings
from ops.cli.commands.setup import SetupSettings
from ops.reference.cli import PROGRAMS, command_tree
from ops.reference.metrics import metrics_page
from ops.reference.settings import (
    GROUPS,
    SET_BY_UP,
    container_settings,
    meanings,
    named_settings,
    settings_page,
)
from ops.stack.class_archive import SETTING

REPOSITORY = Path(__file__).parents[2]
FOLDER = REPOSITORY / "docs" / "reference"
KINDS = [kind for kinds in GROUPS.values() for kind in kinds]
OURS = ("common", "db", "producer", "consumer", "ops")


@pytest.mark.parametrize("page", ["settings", "cli", "metrics", "rights"])
def test_the_committed_page_is_what_the_code_generates(page):
    command = f"python -m ops.reference {page}"
    printed = subprocess.run(
        [sys.executable, *command.split()[1:]], capture_output=True, check=True
    )
    committed = (FOLDER / f"{page}.md").read_bytes()
    assert printed.stdout == committed, f"regenerate it: {command} > docs/reference/{page}.md"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_setting_has_a_meaning(kind):
    texts = meanings(kind)
    assert [name for name in kind.model_fields if not texts.get(name)] == []
    assert all(text.endswith(".") for text in texts.values())


def test_every_settings_class_of_the_product_is_on_the_page():
    def subclasses(kind):
        for child in kind.__subclasses__():
            yield child
            yield from subclasses(child)

    ours = {kind for kind in subclasses(Settings) if kind.__module__.split(".")[0] in OURS}
    covered = {base for kind in KINDS for base in kind.__mro__}
    assert ours - covered == set()


def test_page_names_every_setting_once_with_its_default():
    rows = re.findall(r"^\| `([A-Z_]+)`[ *]*\| (.*?) \|", settings_page(), re.MULTILINE)
    shown = dict(rows)
    assert len(rows) == len(shown)
    fields = {name.upper(): field for kind in KINDS for name, field in kind.model_fields.items()}
    assert shown.keys() == fields.keys() | container_settings().keys()
    for name, field in fields.items():
        if field.is_required() or field.default is None or field.default_factory:
            assert not shown[name].startswith("`"), name
        else:
            literal = re.match("`([^`]*)`", shown[name])[1]
            assert TypeAdapter(field.annotation).validate_python(literal) == field.default, name


def test_a_setting_of_containers_alone_has_a_comment_of_its_own():
    names = {row.name for row in named_settings(KINDS)}
    alone = [setting for setting in container_settings().values() if setting.name not in names]
    assert len(alone) > 10
    assert [setting.name for setting in alone if not setting.meaning] == []


def test_compose_file_sets_names_that_the_page_has():
    """The names of other images' own settings start with their product's name."""
    text = (REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8")
    given = set(re.findall(r"^ {2,6}([A-Z_]+): ", text, re.MULTILINE))
    known = {row.name for row in named_settings(KINDS)}
    ours = {name.removesuffix("_FILE") for name in given if not name.startswith(("GF_", "MYSQL_"))}
    foreign = {name for name in ours - known if name.startswith("KAFKA_") or name == "CLUSTER_ID"}
    assert ours - known - foreign == set()
    assert {"KAFKA_TOPIC", "DB_USER", "VITALS_PEOPLE"} <= ours


def test_marked_names_are_those_that_the_pipeline_sets_for_its_parts():
    source = inspect.getsource(ops.stack.environments)
    given = set(re.findall(r'"([A-Z]+(?:_[A-Z]+)*)":', source)) | {SETTING}
    simulated = {"SIMULATION_SEED", "FAULT_SHARE"}  # passed on unchanged
    addresses = {
        name for name in SET_BY_UP if name.startswith(("DB_", "KAFKA_", "CADENCE_DB_", "BATCH_"))
    }
    assert given - simulated == SET_BY_UP - addresses


def test_secrets_are_shown_as_secrets():
    rows = {row.name: row for row in named_settings([SetupSettings])}
    assert rows["DB_ADMIN_PASSWORD"].values == "secret"


def test_page_of_commands_names_every_command_and_option():
    text = (FOLDER / "cli.md").read_text(encoding="utf-8")

    def check(command, path):
        if command.hidden:
            return
        for parameter in command.params:
            if not getattr(parameter, "hidden", False):
                assert parameter.opts[0] in text, (path, parameter.opts)
        for name, child in getattr(command, "commands", {}).items():
            check(child, f"{path} {name}")
        if not hasattr(command, "commands"):
            assert re.search(rf"^#+ {path}$", text, re.MULTILINE), path

    for name, app in PROGRAMS.items():
        check(command_tree(app), name)


def test_exit_codes_and_tools_are_lists_on_the_page_of_commands():
    text = (FOLDER / "cli.md").read_text(encoding="utf-8")
    assert "Exit codes:\n\n- `0`: proved\n- `1`: not proved; each finding is named\n" in text
    assert "\n- `topics`: list, describe, create and alter topics\n" in text
    assert not re.findall(r"^0 .*", text, re.MULTILINE)


def test_page_of_metrics_names_labels_and_their_values():
    page = metrics_page()
    assert "| `vitals_ready` | gauge | `check` |" in page
    assert "`stage`: simulated, archived, published" in page
    assert "`errno_class`" in page
