-- Entries of the quarantine that are sent through the topic once more (`vitals quarantine replay`).

ALTER TABLE quarentena
    -- reenviada: sent again and refused again, under a newer entry
    MODIFY estado ENUM('aberta', 'resolvida', 'descartada', 'reenviada') NOT NULL DEFAULT 'aberta',
    ADD COLUMN lote_reenvio CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NULL
        COMMENT 'the batch that carries it, known before it is sent';
