-- Who sent a batch, and what it held.

-- New columns at the end: no row is rewritten. NULL: taken before this migration, or unsigned.
ALTER TABLE lote
    ADD COLUMN conteudo BINARY(16) NULL COMMENT 'digest of patient and series',
    ADD COLUMN assinado_por VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NULL
        COMMENT 'id of the key that signed it';
