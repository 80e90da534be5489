-- The clinical tables of the replaced system. The pipeline itself does not write them.

CREATE TABLE medico (
    id INT NOT NULL AUTO_INCREMENT,
    nome VARCHAR(120) NOT NULL,
    crm VARCHAR(20) NOT NULL,
    especialidade VARCHAR(80) NULL,
    PRIMARY KEY (id),
    UNIQUE KEY uk_medico_crm (crm)
);

CREATE TABLE doencas (
    id INT NOT NULL AUTO_INCREMENT,
    nome VARCHAR(120) NOT NULL,
    cid VARCHAR(8) NULL,
    PRIMARY KEY (id),
    UNIQUE KEY uk_doencas_nome (nome)
);

CREATE TABLE doenca_paciente (
    paciente_id INT NOT NULL,
    doenca_id INT NOT NULL,
    desde DATE NULL,
    PRIMARY KEY (paciente_id, doenca_id),
    CONSTRAINT fk_doenca_paciente_paciente FOREIGN KEY (paciente_id) REFERENCES paciente (id),
    CONSTRAINT fk_doenca_paciente_doenca FOREIGN KEY (doenca_id) REFERENCES doencas (id)
);

CREATE TABLE diagnostico (
    id INT NOT NULL AUTO_INCREMENT,
    paciente_id INT NOT NULL,
    medico_id INT NULL,
    doenca_id INT NULL,
    descricao TEXT NULL,
    feito_em DATETIME(3) NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT fk_diagnostico_paciente FOREIGN KEY (paciente_id) REFERENCES paciente (id),
    CONSTRAINT fk_diagnostico_medico FOREIGN KEY (medico_id) REFERENCES medico (id),
    CONSTRAINT fk_diagnostico_doenca FOREIGN KEY (doenca_id) REFERENCES doencas (id)
);

CREATE TABLE cirurgia (
    id INT NOT NULL AUTO_INCREMENT,
    paciente_id INT NOT NULL,
    medico_id INT NULL,
    descricao VARCHAR(255) NOT NULL,
    feita_em DATETIME(3) NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT fk_cirurgia_paciente FOREIGN KEY (paciente_id) REFERENCES paciente (id),
    CONSTRAINT fk_cirurgia_medico FOREIGN KEY (medico_id) REFERENCES medico (id)
);

CREATE TABLE medico_paciente (
    medico_id INT NOT NULL,
    paciente_id INT NOT NULL,
    PRIMARY KEY (medico_id, paciente_id),
    CONSTRAINT fk_medico_paciente_medico FOREIGN KEY (medico_id) REFERENCES medico (id),
    CONSTRAINT fk_medico_paciente_paciente FOREIGN KEY (paciente_id) REFERENCES paciente (id)
);

CREATE TABLE prontuario (
    id INT NOT NULL AUTO_INCREMENT,
    paciente_id INT NOT NULL,
    medico_id INT NULL,
    anotacao TEXT NOT NULL,
    criado_em DATETIME(3) NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT fk_prontuario_paciente FOREIGN KEY (paciente_id) REFERENCES paciente (id),
    CONSTRAINT fk_prontuario_medico FOREIGN KEY (medico_id) REFERENCES medico (id)
);
