-- Who is measured, and by what. The tables of the replaced system keep their names.

CREATE TABLE paciente (
    id INT NOT NULL AUTO_INCREMENT,
    -- the patient id of the wire: what producers and files call this patient
    identificador VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    nome VARCHAR(120) NULL,
    data_nascimento DATE NULL,
    sexo ENUM('F', 'M') NULL,
    PRIMARY KEY (id),
    UNIQUE KEY uk_paciente_identificador (identificador)
);

CREATE TABLE sensor (
    id INT NOT NULL AUTO_INCREMENT,
    codigo VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    nome VARCHAR(80) NOT NULL,
    unidade VARCHAR(16) NOT NULL,
    ucum VARCHAR(16) NULL,
    PRIMARY KEY (id),
    UNIQUE KEY uk_sensor_codigo (codigo)
);

-- What a sensor measures: one row a component, with its limits as the catalogue has them.
CREATE TABLE componente_sensor (
    sensor_id INT NOT NULL,
    componente ENUM('valor', 'sistolica', 'diastolica', 'x', 'y', 'z') NOT NULL,
    loinc VARCHAR(16) NULL,
    minimo DECIMAL(8, 3) NOT NULL,
    maximo DECIMAL(8, 3) NOT NULL,
    PRIMARY KEY (sensor_id, componente),
    CONSTRAINT fk_componente_sensor FOREIGN KEY (sensor_id) REFERENCES sensor (id)
);

-- A sensor on a patient, active from ativo_desde until just before ativo_ate (UTC; NULL: still).
CREATE TABLE paciente_sensor (
    id INT NOT NULL AUTO_INCREMENT,
    paciente_id INT NOT NULL,
    sensor_id INT NOT NULL,
    ativo_desde DATETIME(3) NOT NULL,
    ativo_ate DATETIME(3) NULL,
    -- the consumer looks at the newest change to know when its copy is old
    alterado_em DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
    PRIMARY KEY (id),
    UNIQUE KEY uk_paciente_sensor (paciente_id, sensor_id, ativo_desde),
    KEY ix_paciente_sensor_alterado_em (alterado_em),
    CONSTRAINT fk_paciente_sensor_paciente FOREIGN KEY (paciente_id) REFERENCES paciente (id),
    CONSTRAINT fk_paciente_sensor_sensor FOREIGN KEY (sensor_id) REFERENCES sensor (id)
);
