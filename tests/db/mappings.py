"""Two patients, two sensors, and what the tests of mappings do with them."""

YEAR_2020_MS = 1_577_836_800_000
YEAR_2021_MS = 1_609_459_200_000
YEAR_2022_MS = 1_640_995_200_000
INSERT = "INSERT INTO paciente_sensor (paciente_id, sensor_id, ativo_desde)"


def with_two_patients(connection):
    """Adds two patients and two sensors, without mappings."""
    cursor = connection.cursor()
    cursor.execute("INSERT INTO paciente (id, identificador) VALUES (1, 'p1'), (2, 'p2')")
    cursor.execute(
        "INSERT INTO sensor (id, codigo, nome, unidade) VALUES (1, 'a', 'A', 'u'), (2, 'b', 'B', 'u')"
    )
    connection.commit()
    return connection


def change(connection, *statements):
    for statement in statements:
        connection.cursor().execute(statement)
    connection.commit()


def wear(connection, *rows):
    """Adds ``paciente_sensor`` rows: id, patient, sensor, since, until."""
    connection.cursor().executemany(
        "INSERT INTO paciente_sensor (id, paciente_id, sensor_id, ativo_desde, ativo_ate)"
        " VALUES (%s, %s, %s, %s, %s)",
        rows,
    )
    connection.commit()
