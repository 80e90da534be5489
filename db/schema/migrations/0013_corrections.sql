-- The values that others have overwritten: each stays readable, with where both came from.

CREATE TABLE registro_correcao (
    id BIGINT NOT NULL AUTO_INCREMENT,
    paciente_sensor_id INT NOT NULL,
    componente ENUM('valor', 'sistolica', 'diastolica', 'x', 'y', 'z')
        CHARACTER SET utf8mb4 COLLATE {BINARY} NOT NULL,
    -- of the reading, as in registro
    created_at DATETIME(3) NOT NULL,
    valor_antigo DECIMAL(8, 3) NOT NULL,
    -- where the old value came from; NULL: it is not known any more
    lote_antigo CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NULL,
    topico_antigo VARCHAR(249) CHARACTER SET ascii COLLATE ascii_bin NULL,
    particao_antiga INT NULL,
    deslocamento_antigo BIGINT NULL,
    recebido_antigo DATETIME(3) NULL COMMENT 'when Kafka received it, UTC',
    valor_novo DECIMAL(8, 3) NOT NULL,
    lote_novo CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NULL,
    topico_novo VARCHAR(249) CHARACTER SET ascii COLLATE ascii_bin NULL,
    particao_nova INT NULL,
    deslocamento_novo BIGINT NULL,
    recebido_novo DATETIME(3) NULL COMMENT 'when Kafka received it, UTC',
    corrigido_em DATETIME(6) NOT NULL COMMENT 'UTC',
    desfeito_em DATETIME(6) NULL COMMENT 'when a person took the new value back, UTC',
    PRIMARY KEY (id),
    KEY ix_registro_correcao_leitura (paciente_sensor_id, componente, created_at),
    KEY ix_registro_correcao_lote (lote_novo)
);
