"""The sensor catalogue: codes, components, units, conversions and plausible limits.

``catalogue.json`` is the only place that defines them. Sources: LOINC and UCUM codes of the vital
signs as in FHIR's profiles (https://hl7.org/fhir/R4/observation-vitalsigns.html), of glucose as in
LOINC; 1 kPa = 760/101.325 mmHg and 1 g = 9.80665 m/s2 by definition; glucose 180.156 g/mol, so
1 mmol/L = 18.0156 mg/dL.
"""

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

COMPONENTLESS = "valor"
"""The database's name for the only component of a sensor without named components."""


@dataclass(frozen=True)
class Limits:
    """The plausible range of a component, in its sensor's unit."""

    lower: float
    upper: float
    is_lower_allowed: bool
    is_upper_allowed: bool

    def __str__(self) -> str:
        """As an interval: ``(`` and ``)`` exclude the limit itself, ``[`` and ``]`` include it."""
        left = "[" if self.is_lower_allowed else "("
        return f"{left}{self.lower}, {self.upper}{']' if self.is_upper_allowed else ')'}"

    def holds(self, value: float) -> bool:
        """True where ``value`` is plausible; NaN is not."""
        above = value >= self.lower if self.is_lower_allowed else value > self.lower
        below = value <= self.upper if self.is_upper_allowed else value < self.upper
        return above and below


@dataclass(frozen=True)
class Component:
    """One measured quantity of a sensor; ``code`` is None where the sensor has only one."""

    code: str | None
    loinc: str | None
    limits: Limits
    name_en: str | None = None
    name_pt: str | None = None
    """None if the code is clear in any language: ``x``."""
    clif: str | None = None
    """Its ``vital_category`` in CLIF's table of vitals."""

    @property
    def part(self) -> str:
        """Its code, or ``COMPONENTLESS``: its name in tables and trusted files."""
        return self.code or COMPONENTLESS


@dataclass(frozen=True)
class Unit:
    """A known unit: value in the sensor's unit = (v - subtract) * multiply / divide."""

    names: tuple[str, ...]
    subtract: float = 0.0
    multiply: float = 1.0
    divide: float = 1.0

    def convert(self, value: float) -> float:
        """``value`` in the sensor's own unit, not rounded."""
        return (value - self.subtract) * self.multiply / self.divide


@dataclass(frozen=True)
class Sensor:
    """One sensor of the catalogue."""

    code: str
    name_en: str
    name_pt: str
    short_name_en: str
    short_name_pt: str
    """A few letters, for a tile."""
    unit: str
    ucum: str
    loinc: tuple[str, ...]
    decimals: int
    chart_span: float
    """The least that the height of a chart shows, in the sensor's unit: less is noise. Twenty of its
    smallest steps unless the entry says otherwise."""
    components: tuple[Component, ...]
    units: tuple[Unit, ...]

    def component(self, code: str | None) -> Component | None:
        """The component with that code, or None."""
        return next((component for component in self.components if component.code == code), None)

    def unit_named(self, name: str) -> Unit | None:
        """The unit called ``name`` (case and spaces do not matter), or None."""
        wanted = canonical_unit(name)
        return next(
            (unit for unit in self.units if wanted in map(canonical_unit, unit.names)), None
        )


@dataclass(frozen=True)
class CanonicalRule:
    """How a name is brought into canonical form."""

    accented: str
    plain: str
    marks: str
    """Combining accents (decomposed text, as from a Mac), which are removed."""
    separators: str


@cache
def _document() -> dict[str, Any]:
    text = files("schemas").joinpath("catalogue.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


@cache
def canonical_rule() -> CanonicalRule:
    """The rule that ``canonical_name`` applies."""
    return CanonicalRule(**_document()["canonical"])


def canonical_name(text: str) -> str:
    """``Frequência-Cardíaca `` -> ``frequencia_cardiaca``: case, accents, spaces, hyphens."""
    rule = canonical_rule()
    plain = text.lower().translate(str.maketrans(rule.accented, rule.plain, rule.marks))
    # only ASCII white space and the listed separators: a name means the same everywhere
    return re.sub(rule.separators, "_", plain, flags=re.ASCII).strip("_")


def canonical_component(text: str | None) -> str:
    """The same for a component; ``COMPONENTLESS`` if it has no name."""
    return canonical_name(text or "") or COMPONENTLESS


def canonical_unit(text: str) -> str:
    """Unit names are compared without case and spaces."""
    return text.replace(" ", "").lower()


@cache
def sensors() -> tuple[Sensor, ...]:
    """All sensors, in the order of the file."""
    return tuple(_sensor(entry) for entry in _document()["sensors"])


def all_parts() -> tuple[str, ...]:
    """The components of all sensors as tables and trusted files name them, each once."""
    found = (component.part for kind in sensors() for component in kind.components)
    return tuple(dict.fromkeys(found))


@cache
def sensor(code: str) -> Sensor:
    """The sensor with that canonical code. Raises KeyError for an unknown one."""
    return {kind.code: kind for kind in sensors()}[code]


def _sensor(entry: dict[str, Any]) -> Sensor:
    return Sensor(
        code=entry["code"],
        name_en=entry["name"]["en"],
        name_pt=entry["name"]["pt"],
        short_name_en=entry["short_name"]["en"],
        short_name_pt=entry["short_name"]["pt"],
        unit=entry["unit"],
        ucum=entry["ucum"],
        loinc=tuple(entry["loinc"]),
        decimals=entry["decimals"],
        chart_span=entry.get("chart_span", 20 * 10.0 ** -entry["decimals"]),
        components=tuple(map(_component, entry["components"])),
        units=tuple(Unit(**{**unit, "names": tuple(unit["names"])}) for unit in entry["units"]),
    )


def _component(entry: dict[str, Any]) -> Component:
    name = entry.get("name", {})
    return Component(
        code=entry["code"],
        loinc=entry["loinc"],
        limits=Limits(*entry["plausible"]),
        name_en=name.get("en"),
        name_pt=name.get("pt"),
        clif=entry.get("clif"),
    )
