"""The settings of ``docker compose``, as ``.env.example`` lists them."""

from dataclasses import dataclass
from pathlib import Path

ENV_EXAMPLE = Path(__file__).parents[2] / ".env.example"


@dataclass(frozen=True)
class ContainerSetting:
    """``meaning``: the comment above the line; empty if the line has none."""

    name: str
    default: str
    meaning: str


def container_settings(path: Path = ENV_EXAMPLE) -> dict[str, ContainerSetting]:
    """Every setting of the file by its name; a comment belongs to the one line below it."""
    found: dict[str, ContainerSetting] = {}
    comment: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            comment.append(line.removeprefix("#").strip())
            continue
        if "=" in line:
            name, _, default = line.partition("=")
            found[name] = ContainerSetting(name, default, " ".join(comment))
        comment = []
    return found
