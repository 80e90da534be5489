-- Ids are compared byte for byte, blanks at the end included: no reading may enter the record of a patient whose id
-- only looks alike. {BINARY} is the collation without padding that this server has. Columns that are ascii_bin stay:
-- their values (topics, batch ids, reasons) have neither blanks nor other letters.

-- a table or column that is added later starts out this way, too
ALTER DATABASE CHARACTER SET utf8mb4 COLLATE {BINARY};

ALTER TABLE paciente
    MODIFY identificador VARCHAR(64) CHARACTER SET utf8mb4 COLLATE {BINARY} NOT NULL,
    MODIFY sexo ENUM('F', 'M') CHARACTER SET utf8mb4 COLLATE {BINARY} NULL,
    DEFAULT CHARACTER SET utf8mb4 COLLATE {BINARY};

ALTER TABLE sensor
    MODIFY codigo VARCHAR(40) CHARACTER SET utf8mb4 COLLATE {BINARY} NOT NULL,
    MODIFY unidade VARCHAR(16) CHARACTER SET utf8mb4 COLLATE {BINARY} NOT NULL,
    MODIFY ucum VARCHAR(16) CHARACTER SET utf8mb4 COLLATE {BINARY} NULL,
    DEFAULT CHARACTER SET utf8mb4 COLLATE {BINARY};

ALTER TABLE componente_sensor
    MODIFY componente ENUM('valor', 'sistolica', 'diastolica', 'x', 'y', 'z')
        CHARACTER SET utf8mb4 COLLATE {BINARY} NOT NULL,
    MODIFY loinc VARCHAR(16) CHARACTER SET utf8mb4 COLLATE {BINARY} NULL,
    DEFAULT CHARACTER SET utf8mb4 COLLATE {BINARY};

ALTER TABLE medico
    MODIFY crm VARCHAR(20) CHARACTER SET utf8mb4 COLLATE {BINARY} NOT NULL,
    DEFAULT CHARACTER SET utf8mb4 COLLATE {BINARY};

ALTER TABLE doencas
    MODIFY nome VARCHAR(120) CHARACTER SET utf8mb4 COLLATE {BINARY} NOT NULL,
    MODIFY cid VARCHAR(8) CHARACTER SET utf8mb4 COLLATE {BINARY} NULL,
    DEFAULT CHARACTER SET utf8mb4 COLLATE {BINARY};

ALTER TABLE registro
    MODIFY componente ENUM('valor', 'sistolica', 'diastolica', 'x', 'y', 'z')
        CHARACTER SET utf8mb4 COLLATE {BINARY} NOT NULL,
    DEFAULT CHARACTER SET utf8mb4 COLLATE {BINARY};

ALTER TABLE quarentena
    MODIFY paciente VARCHAR(255) CHARACTER SET utf8mb4 COLLATE {BINARY} NULL,
    MODIFY sensor VARCHAR(255) CHARACTER SET utf8mb4 COLLATE {BINARY} NULL,
    MODIFY componente VARCHAR(255) CHARACTER SET utf8mb4 COLLATE {BINARY} NULL,
    MODIFY unidade VARCHAR(255) CHARACTER SET utf8mb4 COLLATE {BINARY} NULL,
    MODIFY estado ENUM('aberta', 'resolvida', 'descartada', 'reenviada')
        CHARACTER SET utf8mb4 COLLATE {BINARY} NOT NULL DEFAULT 'aberta',
    DEFAULT CHARACTER SET utf8mb4 COLLATE {BINARY};

ALTER TABLE lacuna
    MODIFY motivo ENUM('sensor', 'paciente') CHARACTER SET utf8mb4 COLLATE {BINARY} NOT NULL,
    DEFAULT CHARACTER SET utf8mb4 COLLATE {BINARY};

ALTER TABLE janela_repetida
    MODIFY produtor VARCHAR(64) CHARACTER SET utf8mb4 COLLATE {BINARY} NOT NULL,
    MODIFY primeiro_produtor VARCHAR(64) CHARACTER SET utf8mb4 COLLATE {BINARY} NOT NULL
        COMMENT 'whose message of this window was taken',
    DEFAULT CHARACTER SET utf8mb4 COLLATE {BINARY};

ALTER TABLE migracao
    MODIFY nome VARCHAR(120) CHARACTER SET utf8mb4 COLLATE {BINARY} NOT NULL,
    DEFAULT CHARACTER SET utf8mb4 COLLATE {BINARY};

-- The mark of a change must not depend on the time zone of the session that makes it: a TIMESTAMP is UTC inside.
-- Marks from sessions ahead of UTC lie in the future and would hide later changes.
UPDATE paciente_sensor SET alterado_em = UTC_TIMESTAMP(6)
    WHERE alterado_em > UTC_TIMESTAMP(6) OR alterado_em < '1971-01-01';

ALTER TABLE paciente_sensor
    MODIFY alterado_em TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
    DEFAULT CHARACTER SET utf8mb4 COLLATE {BINARY};
