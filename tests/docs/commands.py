"""Which commands, options, targets and settings exist, and which ones a text names that do not."""

import importlib.util
import re
from functools import cache

from common.settings import KafkaSecurity
from ops.reference.cli import PROGRAMS, command_tree
from ops.reference.settings import GROUPS, container_settings, named_settings
from tests.documents import REPOSITORY, text_of

_WORD = r"[^\s;|&)\"'`]+"
_VITALS = re.compile(rf"(?<![\w./-])vitals(?![\w/.-])((?: +{_WORD})*)")
_MODULE = re.compile(rf"python3? -m ([\w.]+)((?: +{_WORD})*)")
_MAKE = re.compile(rf"(?<![\w./-])make(?![\w-])((?: +{_WORD})*)")
_COMPOSE = re.compile(r"docker compose((?: +[^\s;|&`]+)*)")
_COMPOSE_COMMANDS = {
    *("build", "config", "cp", "down", "exec", "kill", "logs", "ps", "pull"),
    *("restart", "run", "start", "stop", "up"),
}
_NEED_SERVICE = {"exec", "run"}
_EVERYWHERE = {"--help", "-h"}
_ROOMS = ("common", "schemas", "db", "producer", "consumer", "ops", "tests", "benchmarks")
_OF_OTHERS = {"ARGS", "QUICK", "PYTHON", "NAME", "COMPOSE_FILE", "COMPOSE_PROJECT_NAME"}
"""Variables of make and of Compose; `NAME_FILE` stands for any setting."""


def unknown_commands(line):
    """What the line asks for that does not exist; words in capitals are placeholders."""
    found = [
        *(_unknown_of("vitals", words) for words in _VITALS.findall(line)),
        *(_unknown_module(name, words) for name, words in _MODULE.findall(line)),
        *(_unknown_targets(words) for words in _MAKE.findall(line)),
        *(_unknown_services(words) for words in _COMPOSE.findall(line)),
    ]
    return [word for words in found for word in words]


def unknown_settings(code):
    """Settings in a piece of code that nothing reads; ``NAME=value`` counts with one word."""
    named = set(re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", code))
    named |= set(re.findall(r"(?<![\w$-])([A-Z][A-Z0-9_]+)=", code))
    return sorted(
        name for name in named if name.removesuffix("_FILE") not in {*_names(), *KafkaSecurity}
    )


@cache
def _tree(program):
    return command_tree(PROGRAMS[program])


def _unknown_of(program, words):
    command = _tree(program)
    known = set(_EVERYWHERE)
    unknown = []
    for word in words.split():
        known |= {
            option
            for parameter in command.params
            for option in (*parameter.opts, *parameter.secondary_opts)
        }
        commands = getattr(command, "commands", {})
        if word.startswith("--") or word == "-h":
            if word.partition("=")[0] not in known:
                unknown.append(f"{program} {command.name or ''}: {word}")
        elif word in commands:
            command = commands[word]
            if command.context_settings.get("allow_extra_args"):
                break
        elif commands and not (word.isupper() or word == "..."):
            unknown.append(f"{program}: {word}")
    return unknown


def _unknown_module(name, words):
    if not (importlib.util.find_spec(name.split(".")[0]) and importlib.util.find_spec(name)):
        return [f"python -m {name}"]
    program = f"python -m {name}"
    return _unknown_of(program, words) if program in PROGRAMS else []


def _unknown_targets(words):
    targets = re.findall(r"^([a-z-]+):", text_of(REPOSITORY / "Makefile"), re.MULTILINE)
    return [
        f"make {word}"
        for word in words.split()
        if re.fullmatch("[a-z][a-z-]*", word) and word not in targets
    ]


def _unknown_services(words):
    text = text_of(REPOSITORY / "docker-compose.yml")
    services = set(re.findall(r"^  ([\w-]+):$", text.partition("\nservices:")[2], re.MULTILINE))
    given = words.split()
    command = next((word for word in given if word in _COMPOSE_COMMANDS), None)
    if command is None and any(re.fullmatch("[a-z]+", word) for word in given[:1]):
        return [f"docker compose {given[0]}"]
    scaled = [word.partition("=")[0] for word in given if re.fullmatch(r"[\w-]+=\d+", word)]
    missing = [name for name in scaled if name not in services]
    if command in _NEED_SERVICE and not services & set(given):
        missing.append(f"docker compose {command}: no service of {words}")
    return missing


@cache
def _names():
    """Every environment variable that our code reads, and the constants of the code."""
    ours = {row.name for kinds in GROUPS.values() for row in named_settings(kinds)}
    code = "\n".join(text_of(path) for room in _ROOMS for path in (REPOSITORY / room).rglob("*.py"))
    constants = set(re.findall(r"^([A-Z][A-Z0-9_]+)\b.*? = ", code, re.MULTILINE))
    scripts = "\n".join(text_of(REPOSITORY / name) for name in ("Makefile", ".ci/run"))
    of_tests = set(re.findall(r"\bVITALS_[A-Z_]+\b", f"{code}\n{scripts}"))
    return ours | container_settings().keys() | constants | of_tests | _OF_OTHERS
