-- What is sent late or again must not replace what was made known after it.

ALTER TABLE lote
    ADD COLUMN conhecido_em DATETIME(3) NULL
        COMMENT 'since when its values are known, where its message says so; otherwise since its commit';

-- What was decided on entries of the quarantine whose range a repair has processed again: the new entry gets it.
CREATE TABLE decisao (
    lote_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    serie INT NOT NULL,
    posicao INT NOT NULL,
    estado ENUM('aberta', 'resolvida', 'descartada', 'reenviada') NOT NULL,
    lote_reenvio CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NULL,
    PRIMARY KEY (lote_id, serie, posicao)
);
