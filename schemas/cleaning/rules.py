"""The catalogue's rule for a series, found by the names it was sent with."""

import math
from functools import lru_cache
from typing import NamedTuple

from schemas.catalogue import Limits, canonical_component, canonical_name, sensors
from schemas.reasons import Reason

_PRESSURE = "pressao_arterial"
_KNOWN_TRIPLES = 4_096
_LONGEST_KNOWN = 300
_EVERYTHING = Limits(-math.inf, math.inf, is_lower_allowed=True, is_upper_allowed=True)


class SeriesRule(NamedTuple):
    """How the values of a series are checked; if ``error`` is set, all are rejected with it."""

    error: Reason | None
    code: str
    part: str
    unit: str
    subtract: float = math.nan
    multiply: float = math.nan
    divide: float = math.nan
    limits: Limits = _EVERYTHING
    plausible: str = ""
    """The limits as people read them."""

    @property
    def pressure_part(self) -> str | None:
        """Which value of a blood pressure it is; None for anything else or an unknown unit."""
        return self.part if self.code == _PRESSURE and self.error is None else None


def series_rule(sensor: str, component: str | None, unit: str) -> SeriesRule:
    """The rule for a series of these names, in any spelling; the first mistake counts."""
    if len(sensor) + len(component or "") + len(unit) > _LONGEST_KNOWN:
        # not worth caching: a name may be megabytes long
        return _rule.__wrapped__(sensor, component, unit)
    return _rule(sensor, component, unit)


@lru_cache(_KNOWN_TRIPLES)
def _rule(sensor: str, component: str | None, unit: str) -> SeriesRule:
    code = canonical_name(sensor)
    part = canonical_component(component)
    kind = next((candidate for candidate in sensors() if candidate.code == code), None)
    if kind is None:
        return SeriesRule(Reason.UNKNOWN_SENSOR, code, part, unit)
    measured = next((candidate for candidate in kind.components if candidate.part == part), None)
    if measured is None:
        return SeriesRule(Reason.UNKNOWN_COMPONENT, code, part, unit)
    known = kind.unit_named(unit)
    if known is None:
        return SeriesRule(Reason.UNKNOWN_UNIT, code, part, unit)
    conversion = (known.subtract, known.multiply, known.divide)
    plausible = f"plausible: {measured.limits} {kind.unit}"
    return SeriesRule(None, code, part, kind.unit, *conversion, measured.limits, plausible)
