-- What was measured. The identity of a reading is its clustered key: no surrogate, no second index.

CREATE TABLE registro (
    paciente_sensor_id INT NOT NULL,
    componente ENUM('valor', 'sistolica', 'diastolica', 'x', 'y', 'z') NOT NULL,
    -- the time of the measurement, UTC
    created_at DATETIME(3) NOT NULL,
    valor DECIMAL(8, 3) NOT NULL,
    PRIMARY KEY (paciente_sensor_id, componente, created_at),
    CONSTRAINT fk_registro_paciente_sensor
        FOREIGN KEY (paciente_sensor_id) REFERENCES paciente_sensor (id)
);
