-- Who looked at whose data on the page. The page's own account may add rows, and neither read nor change them.
CREATE TABLE acesso (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    quando DATETIME(3) NOT NULL COMMENT 'UTC',
    quem VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'the name that `vitals users` knows',
    -- the id that was asked for: no foreign key, the row outlives the patient and proves attempts as well
    paciente VARCHAR(64) CHARACTER SET utf8mb4 COLLATE {BINARY} NOT NULL,
    origem VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'address of the browser',
    KEY acesso_quando (quando),
    KEY acesso_paciente (paciente, quando)
);
