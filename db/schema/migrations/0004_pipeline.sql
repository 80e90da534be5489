-- What the pipeline remembers about its own work.

-- Readings and messages that were not accepted, with their reason and their place in the topic.
-- serie and posicao are -1 where the whole message is kept.
CREATE TABLE quarentena (
    topico VARCHAR(249) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    particao INT NOT NULL,
    deslocamento BIGINT NOT NULL,
    serie INT NOT NULL,
    posicao INT NOT NULL,
    motivo VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    detalhe VARCHAR(255) NULL,
    lote_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NULL,
    paciente VARCHAR(255) NULL,
    sensor VARCHAR(255) NULL,
    componente VARCHAR(255) NULL,
    unidade VARCHAR(255) NULL,
    -- as it came, before any conversion; NULL where the sensor gave nothing
    valor_bruto DOUBLE NULL,
    -- NULL where the time cannot be written as one
    medido_em DATETIME(3) NULL,
    -- when Kafka took the message
    recebido_em DATETIME(3) NULL,
    chave LONGBLOB NULL,
    mensagem LONGBLOB NULL,
    cabecalhos JSON NULL COMMENT 'Kafka headers, values in base64',
    estado ENUM('aberta', 'resolvida', 'descartada') NOT NULL DEFAULT 'aberta',
    PRIMARY KEY (topico, particao, deslocamento, serie, posicao)
);

-- One row a topic partition: the writer holds it FOR UPDATE while it commits a range.
CREATE TABLE progresso (
    topico VARCHAR(249) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    particao INT NOT NULL,
    proximo_deslocamento BIGINT NOT NULL,
    PRIMARY KEY (topico, particao)
);

-- The ledger: one row a committed range of offsets, with its counts by outcome and its files.
CREATE TABLE livro_razao (
    topico VARCHAR(249) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    particao INT NOT NULL,
    deslocamento_inicial BIGINT NOT NULL,
    deslocamento_final BIGINT NOT NULL COMMENT 'the last offset of the range plus one',
    mensagens INT NOT NULL,
    mensagens_repetidas INT NOT NULL COMMENT 'messages whose batch was already taken: no effect',
    mensagens_recusadas INT NOT NULL COMMENT 'messages kept whole in quarentena',
    leituras INT NOT NULL COMMENT 'accepted plus quarantined readings',
    aceitas INT NOT NULL COMMENT 'readings in the trusted files, with a mapping or without',
    sem_mapeamento INT NOT NULL COMMENT 'of these, readings that no paciente_sensor row covers',
    motivos JSON NOT NULL COMMENT 'quarantined by reason',
    arquivos JSON NOT NULL COMMENT 'trusted files, relative to the trusted folder',
    confirmado_em DATETIME(6) NOT NULL,
    PRIMARY KEY (topico, particao, deslocamento_inicial),
    KEY ix_livro_razao_confirmado_em (confirmado_em)
);

-- Batches that were taken. A batch that is published again (an outbox after a crash, a replay of
-- the same file) finds its id here and has no effect.
CREATE TABLE lote (
    lote_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    topico VARCHAR(249) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    particao INT NOT NULL,
    deslocamento BIGINT NOT NULL,
    PRIMARY KEY (lote_id)
);
