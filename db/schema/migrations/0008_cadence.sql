-- What should have come and did not: written by the monitor, which knows patients, sensors and interval.

-- One row for each window of a sensor that lacks samples. A row goes when the samples come after all.
CREATE TABLE lacuna (
    paciente_sensor_id INT NOT NULL,
    -- the beginning of the window, UTC
    janela DATETIME(3) NOT NULL,
    duracao_ms INT NOT NULL COMMENT 'length of the window',
    esperadas INT NOT NULL COMMENT 'samples that the window should have, of each component',
    recebidas INT NOT NULL COMMENT 'samples that were accepted, of the first component',
    -- sensor: others of this patient sent something in this window; paciente: nothing came at all
    motivo ENUM('sensor', 'paciente') NOT NULL,
    PRIMARY KEY (paciente_sensor_id, janela),
    CONSTRAINT fk_lacuna_paciente_sensor
        FOREIGN KEY (paciente_sensor_id) REFERENCES paciente_sensor (id) ON DELETE CASCADE
);

-- Windows that came twice, from two producers; the second one had no effect.
CREATE TABLE janela_repetida (
    topico VARCHAR(249) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    particao INT NOT NULL,
    deslocamento BIGINT NOT NULL COMMENT 'of the repeated message',
    lote_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    produtor VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    primeiro_produtor VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL
        COMMENT 'whose message of this window was taken',
    visto_em DATETIME(3) NOT NULL COMMENT 'when Kafka took the repeated message',
    PRIMARY KEY (topico, particao, deslocamento)
);
