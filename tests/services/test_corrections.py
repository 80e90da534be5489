"""A value that another one overwrites: kept with both origins, explained, and put back."""

import json

import pytest

from tests.services.asking import asked, vitals
from tests.services.checks import heart_rate
from tests.services.simulated import now_ms
from tests.services.test_explain import story

KEPT = (
    "SELECT lote_antigo, particao_antiga, deslocamento_antigo, CAST(valor_antigo AS DOUBLE), lote_novo,"
    " particao_nova, deslocamento_novo, CAST(valor_novo AS DOUBLE), desfeito_em IS NOT NULL"
    " FROM registro_correcao ORDER BY id"
)
VALUES = "SELECT CAST(valor AS DOUBLE) FROM registro ORDER BY created_at"


@pytest.mark.parametrize("load_method", ["infile", "insert"])
def test_an_overwritten_value_is_kept_explained_and_put_back(make_pipeline, load_method):
    pipeline = make_pipeline(partitions=1)
    start = now_ms() - 60_000
    first = heart_rate([70.0, 71.0, 72.0], start=start)
    wrong = heart_rate([60.0, 71.0], start=start, source="wrong")
    with pipeline.warm_consumer(LOAD_METHOD=load_method):
        for number, batch in enumerate((first, wrong), start=1):
            pipeline.publish(batch)
            pipeline.wait_for_messages(number)
    ids = first.batch_id, wrong.batch_id
    assert pipeline.rows(KEPT) == [(ids[0], 0, 0, 70.0, ids[1], 0, 1, 60.0, 0)]
    _, answer = story(pipeline, "frequencia_cardiaca", start)
    [correction] = answer["known"]["corrections"]
    assert [correction[side]["batch_id"] for side in ("old", "new")] == [*ids]
    assert [correction[side]["value"] for side in ("old", "new")] == [70.0, 60.0]
    assert asked(pipeline, "reconcile")[1]["proved"]
    undone = vitals(pipeline, "reconcile", "--undo", wrong.batch_id)
    assert undone.returncode == 0, undone.stdout + undone.stderr
    assert "put back 1 value" in undone.stderr + undone.stdout
    assert [value for (value,) in pipeline.rows(VALUES)] == [70.0, 71.0, 72.0]
    assert pipeline.rows(KEPT) == [(ids[0], 0, 0, 70.0, ids[1], 0, 1, 60.0, 1)]
    code, answer = story(pipeline, "frequencia_cardiaca", start)
    assert (code, answer["stands"]) == (0, True)
    [standing] = [message for message in answer["messages"] if message["stands"]]
    assert standing["batch_id"] == first.batch_id
    assert "taken back" in json.dumps(answer)
    again = vitals(pipeline, "reconcile", "--undo", wrong.batch_id, "--repair")
    assert again.returncode == 0, again.stdout + again.stderr
    assert [value for (value,) in pipeline.rows(VALUES)] == [70.0, 71.0, 72.0]
