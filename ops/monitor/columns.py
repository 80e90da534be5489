"""Every component of every sensor, in the order of the catalogue: the columns of a tile."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from common.arrays import Ints
from schemas.catalogue import canonical_component, canonical_name, sensors


@dataclass(frozen=True, slots=True)
class Column:
    """One component of one sensor."""

    sensor: str
    component: str
    """As the tables name it: ``valor`` where the sensor has only one."""
    unit: str
    name_en: str
    name_pt: str
    short_name_en: str
    short_name_pt: str
    component_en: str
    component_pt: str
    decimals: int
    chart_span: float
    lower: float
    upper: float


@cache
def columns() -> tuple[Column, ...]:
    """All columns."""
    return tuple(
        Column(
            sensor.code,
            component.part,
            sensor.unit,
            sensor.name_en,
            sensor.name_pt,
            sensor.short_name_en,
            sensor.short_name_pt,
            component.name_en or component.part,
            component.name_pt or component.part,
            sensor.decimals,
            sensor.chart_span,
            component.limits.lower,
            component.limits.upper,
        )
        for sensor in sensors()
        for component in sensor.components
    )


@cache
def column_numbers() -> dict[tuple[str, str], int]:
    """Column by sensor code and component."""
    return {(column.sensor, column.component): number for number, column in enumerate(columns())}


def column_of(sensor: str | None, component: str | None) -> int | None:
    """The column of a reading by the names in its batch; None if the catalogue has no such names."""
    return column_numbers().get((canonical_name(sensor or ""), canonical_component(component)))


@cache
def sensor_codes() -> tuple[str, ...]:
    """The codes of the sensors, in the order of the columns."""
    return tuple(sensor.code for sensor in sensors())


@cache
def first_columns() -> Ints:
    """The first column of each sensor: the one whose samples are counted."""
    codes = [column.sensor for column in columns()]
    return np.array([codes.index(code) for code in sensor_codes()])


@cache
def sensor_of_column() -> Ints:
    """The sensor number of each column."""
    codes = sensor_codes()
    return np.array([codes.index(column.sensor) for column in columns()])
