-- Readings that wait for a mapping are looked for again and again, and people ask by reason and patient.

CREATE INDEX ix_quarentena_motivo ON quarentena (motivo, estado, paciente, sensor);
