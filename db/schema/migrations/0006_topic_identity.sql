-- Which topic the offsets of a name belong to: one that is deleted and made again has another id.

CREATE TABLE topico (
    nome VARCHAR(249) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    identificador VARCHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'Kafka topic id',
    PRIMARY KEY (nome)
);
