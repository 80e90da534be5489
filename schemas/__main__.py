"""``python -m schemas``: prints docs/sensors.md, generated from the catalogue."""

import sys
from collections.abc import Iterable, Iterator

from schemas.catalogue import COMPONENTLESS, Component, Sensor, Unit, canonical_rule, sensors

_HEAD = """\
# Sensors

Generated from `schemas/catalogue.json` by `python -m schemas > docs/sensors.md`: edit the catalogue.

A reading outside the plausible range is quarantined as `out_of_range`. `(` and `)` exclude the limit
itself, `[` and `]` include it. Limits are in the sensor's own unit; a value in another known unit is
converted before it is checked. Decimals: those that such a sensor reports; up to three are stored.
Short: the name on the monitor's tiles. CLIF: the category in CLIF's table of vitals."""

_COLUMNS = (
    *("Code", "Sensor", "Short", "Component", "Unit", "UCUM", "Plausible", "LOINC", "CLIF"),
    "Decimals",
)

_UNITS = """\
## Units

Case and spaces do not matter. Any other unit is quarantined as `unknown_unit`."""


def sensors_page() -> str:
    """The whole page as Markdown, ending with a line break."""
    parts = [
        _HEAD,
        _table(
            _COLUMNS,
            (_row(sensor, part) for sensor in sensors() for part in sensor.components),
        ),
        "## Names\n\n" + _names(),
        _UNITS,
        _table(
            ("Code", "Unit is written", f"Value in the sensor's unit, from {_code('v')}"),
            (
                (_code(sensor.code), ", ".join(map(_code, unit.names)), _formula(unit, sensor.unit))
                for sensor in sensors()
                for unit in sensor.units
            ),
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _row(sensor: Sensor, part: Component) -> Iterator[str]:
    yield _code(sensor.code)
    yield f"{sensor.name_en} / {sensor.name_pt}"
    yield f"{sensor.short_name_en} / {sensor.short_name_pt}"
    yield _code(part.part)
    yield _code(sensor.unit)
    yield _code(sensor.ucum)
    yield str(part.limits)
    yield ", ".join(_loinc(sensor, part)) or "none, local"
    yield _code(part.clif) if part.clif else ""
    yield str(sensor.decimals)


def _loinc(sensor: Sensor, part: Component) -> Iterable[str]:
    """The codes of a sensor's only component, or those of the panel and of this component."""
    return dict.fromkeys((*sensor.loinc, part.loinc) if part.loinc else sensor.loinc)


def _names() -> str:
    rule = canonical_rule()
    return (
        "A sensor is identified by its code. Case, accents, spaces and hyphens do not matter:\n"
        "`Frequência Cardíaca` is `frequencia_cardiaca`. The same holds for component names.\n"
        f"Recognized accented letters: {_code(rule.accented)}.\n"
        f"`{COMPONENTLESS}` is the component of a sensor that has only one: on the wire it is null."
    )


def _formula(unit: Unit, own: str) -> str:
    text = f"(v - {unit.subtract:g})" if unit.subtract else "v"
    text += f" * {unit.multiply}" if unit.multiply != 1 else ""
    text += f" / {unit.divide}" if unit.divide != 1 else ""
    return f"{_code(text)} {own}" if text != "v" else f"as it is, {own}"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    names = tuple(head)
    lines = [names, ("---",) * len(names), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _code(text: str) -> str:
    return f"`{text}`"


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # type: ignore[union-attr]
    sys.stdout.write(sensors_page())
