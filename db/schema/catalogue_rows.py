"""The sensor catalogue as rows of ``sensor`` and ``componente_sensor``."""

from decimal import Decimal

from db.connection import Connection
from db.statements import select
from schemas.catalogue import sensors

_SensorRow = tuple[str, str, str, str]
_ComponentRow = tuple[str, str, str | None, Decimal, Decimal]


def write_catalogue(connection: Connection) -> None:
    """Brings the rows in line with the catalogue, in the caller's transaction.

    Safe to repeat: correct rows are not touched. Rows that are not in the catalogue stay; readings
    may refer to them.
    """
    cursor = connection.cursor()
    present = set(select(connection, "SELECT codigo, nome, unidade, ucum FROM sensor"))
    for row in sensor_rows():
        if row not in present:
            cursor.execute(
                "INSERT INTO sensor (codigo, nome, unidade, ucum) VALUES (%s, %s, %s, %s)"
                " ON DUPLICATE KEY UPDATE"
                " nome = VALUES(nome), unidade = VALUES(unidade), ucum = VALUES(ucum)",
                row,
            )
    query = (
        "SELECT s.codigo, c.componente, c.loinc, c.minimo, c.maximo"
        " FROM componente_sensor c JOIN sensor s ON s.id = c.sensor_id"
    )
    components = set(select(connection, query))
    for component in component_rows():
        if component not in components:
            code, *values = component
            cursor.execute(
                "INSERT INTO componente_sensor (sensor_id, componente, loinc, minimo, maximo)"
                " SELECT id, %s, %s, %s, %s FROM sensor WHERE codigo = %s"
                " ON DUPLICATE KEY UPDATE"
                " loinc = VALUES(loinc), minimo = VALUES(minimo), maximo = VALUES(maximo)",
                (*values, code),
            )


def sensor_rows() -> list[_SensorRow]:
    """codigo, nome, unidade, ucum of every sensor."""
    return [(sensor.code, sensor.name_pt, sensor.unit, sensor.ucum) for sensor in sensors()]


def component_rows() -> list[_ComponentRow]:
    """codigo, componente, loinc, minimo, maximo of every component."""
    return [
        (
            sensor.code,
            component.part,
            component.loinc,
            Decimal(str(component.limits.lower)),
            Decimal(str(component.limits.upper)),
        )
        for sensor in sensors()
        for component in sensor.components
    ]
