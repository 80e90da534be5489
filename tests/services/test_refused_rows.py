"""A row that no rule foresaw and the database refuses costs one entry in quarantine, not the batch."""

import json

import pyarrow.parquet as pq

from tests.services.checks import administer, assert_proved, heart_rate
from tests.services.simulated import now_ms, simulated

QUARANTINE = (
    "SELECT deslocamento, posicao, motivo, detalhe, valor_bruto FROM quarentena ORDER BY 1, 2"
)


def ledger_rows(pipeline):
    columns = "mensagens, leituras, aceitas, sem_mapeamento, motivos, arquivos"
    rows = pipeline.rows(f"SELECT {columns} FROM livro_razao ORDER BY deslocamento_inicial")
    return [(*counts, json.loads(reasons), json.loads(files)) for *counts, reasons, files in rows]


def trusted_values(pipeline):
    return sorted(
        value
        for path in pipeline.output.glob("trusted/*/*.parquet")
        for value in pq.read_table(path, partitioning=None)["value"].to_pylist()
    )


def test_one_bad_row_among_a_thousand_costs_one_quarantine_row(make_pipeline):
    """Its siblings are committed in the same micro-batch; neither load leaves it in a trusted file."""
    pipeline = make_pipeline(partitions=1)
    administer(pipeline, "ALTER TABLE registro ADD CONSTRAINT c CHECK (valor <> 66.6)")
    start = now_ms() - 1_000_000
    batches = [heart_rate([70.0], start=start + second * 1000) for second in range(1000)]
    batches[613] = heart_rate([66.6], start=start + 613_000)
    pipeline.publish(*batches)
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(1000)
    [(messages, readings, accepted, unmapped, reasons, _)] = ledger_rows(pipeline)
    assert (messages, readings, accepted, unmapped) == (1000, 1000, 999, 0)
    assert reasons == {"refused_by_database": 1}
    [(offset, position, reason, detail, value)] = pipeline.rows(QUARANTINE)
    assert (offset, position, reason, value) == (613, 0, "refused_by_database", 66.6)
    assert "CONSTRAINT `c` failed" in detail or "Check constraint 'c'" in detail
    assert trusted_values(pipeline) == [70.0] * 999
    proof = assert_proved(pipeline)
    assert (proof.accepted, proof.registro, proof.quarantined) == (999, 999, 1)
    assert "rows_refused_by_database" in pipeline.log()
    assert "66.6" not in pipeline.log()
    assert "CONSTRAINT" not in pipeline.log()


def test_a_date_with_only_refused_readings_has_no_trusted_file(make_pipeline):
    """One range with two dates; the other date's file has the rest."""
    pipeline = make_pipeline(partitions=1)
    administer(
        pipeline,
        "ALTER TABLE registro ADD CONSTRAINT c CHECK (valor <> 66.6)",
        "UPDATE paciente_sensor SET ativo_desde = '2020-01-01'",
    )
    noon = 1_790_000_000_000 // 86_400_000 * 86_400_000 - 43_200_000
    pipeline.publish(
        heart_rate([70.0, 66.6], start=noon), heart_rate([66.6, 66.6], start=noon + 86_400_000)
    )
    with pipeline.warm_consumer(LOAD_METHOD="insert"):
        pipeline.wait_for_messages(2)
    [(*counts, files)] = ledger_rows(pipeline)
    assert counts == [2, 4, 1, 0, {"refused_by_database": 3}]
    written = pipeline.output.glob("trusted/*/*")
    assert [path.relative_to(pipeline.output / "trusted").as_posix() for path in written] == files
    assert trusted_values(pipeline) == [70.0]
    assert assert_proved(pipeline).quarantined == 3


def test_a_reading_whose_mapping_was_deleted_just_now_waits_as_unmapped(make_pipeline):
    """The consumer's copy of the mappings still has the row; the foreign key does not."""
    pipeline = make_pipeline(partitions=1)
    start = now_ms()
    with pipeline.warm_consumer():
        pipeline.publish(heart_rate([70.0], start=start, patient_id="demo-000002"))
        pipeline.wait_for_messages(1)
        # neither the newest id nor the newest change: only a full read shows it
        administer(
            pipeline,
            "CREATE TABLE kept AS SELECT ps.* FROM paciente_sensor ps"
            " JOIN paciente p ON p.id = ps.paciente_id JOIN sensor s ON s.id = ps.sensor_id"
            " WHERE p.identificador = 'demo-000001' AND s.codigo = 'frequencia_cardiaca'",
            "DELETE FROM paciente_sensor WHERE id = (SELECT id FROM kept)",
            "COMMIT",
        )
        pipeline.publish(
            heart_rate([71.0], start=start),
            heart_rate([72.0], start=start + 1000, patient_id="demo-000002"),
        )
        pipeline.wait_for_messages(3)
        assert [row[2] for row in pipeline.rows(QUARANTINE)] == ["unmapped"]
        assert sum(row[3] for row in ledger_rows(pipeline)) == 1
        proof = assert_proved(pipeline)
        assert (proof.accepted, proof.unmapped, proof.registro) == (3, 1, 2)
        administer(pipeline, "INSERT INTO paciente_sensor SELECT * FROM kept", "COMMIT")
        pipeline.wait_for("SELECT COUNT(*) FROM registro", 3)
    assert assert_proved(pipeline).unmapped == 0


def test_an_entry_that_the_quarantine_refuses_is_kept_bare_and_counted(make_pipeline):
    """A rejected reading, an unmapped one and a whole message, among good ones."""
    pipeline = make_pipeline(partitions=1)
    administer(
        pipeline,
        "CREATE TRIGGER t BEFORE INSERT ON quarentena FOR EACH ROW BEGIN"
        " IF NEW.paciente IN ('demo-000003', 'nobody') OR NEW.motivo = 'bad_frame' THEN"
        " SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not this one'; END IF; END",
    )
    start = now_ms()
    pipeline.publish(
        heart_rate([70.0, 999.0], start=start),
        heart_rate([71.0, 999.0], start=start, patient_id="demo-000003"),
        heart_rate([72.0], start=start, patient_id="nobody"),
    )
    pipeline.publish_raw((b"key", b"{}", [("h", b"1")]))
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(4)
    counts = {}
    for *_, reasons, _files in ledger_rows(pipeline):
        counts |= {name: counts.get(name, 0) + count for name, count in reasons.items()}
    assert counts == {"out_of_range": 1, "refused_by_database": 3}
    kept = pipeline.rows("SELECT motivo, detalhe, mensagem, chave, lote_id FROM quarentena")
    details = sorted(detail for reason, detail, *_ in kept if reason == "refused_by_database")
    assert [detail.partition(":")[0] for detail in details] == [
        "bad_frame",
        "out_of_range",
        "unmapped",
    ]
    [message] = [bytes(body) for _, detail, body, *_ in kept if detail.startswith("bad_frame")]
    assert message == b"{}"
    proof = assert_proved(pipeline)
    assert (proof.accepted, proof.unmapped, proof.quarantined) == (2, 0, 3)
    assert proof.refused_messages == 1


def test_simulated_readings_of_a_narrower_column_are_all_kept(make_pipeline):
    """Many bad rows at once: everything that fits is accepted, and the proof holds."""
    pipeline = make_pipeline(partitions=1)
    administer(pipeline, "ALTER TABLE registro MODIFY valor DECIMAL(5, 3) NOT NULL")
    batches = simulated(windows=1)
    pipeline.publish(*batches)
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(len(batches))
    refused = "SELECT COUNT(*) FROM quarentena WHERE motivo = 'refused_by_database'"
    assert pipeline.rows(refused)[0][0] > 50
    proof = assert_proved(pipeline)
    assert proof.accepted == proof.registro == proof.trusted > 100
