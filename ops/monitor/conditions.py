"""The conditions that hold now: of the pipeline, and of patients and their sensors."""

import time
from collections import Counter

import numpy as np

from ops.look.processes import Process
from ops.monitor.alarms import Code, Condition
from ops.monitor.cadence import Judgement
from ops.monitor.columns import sensor_codes
from ops.monitor.pipeline import PipelineView
from ops.monitor.ward import State, Ward

_DOWN_AFTER_MISSES = 2
_RESTART_SHOWN_S = 20.0
_BEHIND_MS = 15_000
_NOTHING_MS = 45_000
_OUTBOX_FILES = 3
_STORM_SHARE = 0.05
_STORM_READINGS = 1_000
_MOST_SINGLE_ALARMS = 20


def pipeline_conditions(view: PipelineView) -> list[Condition]:
    """What is wrong with the pipeline itself."""
    found = [] if view.has_database else [Condition(Code.DATABASE_AWAY)]
    found += [] if view.offsets.ends is not None else [Condition(Code.BROKER_AWAY)]
    found += [
        Condition(Code.CONSUMER_AWAY, consumer.name)
        for consumer in view.of_role("consumer")
        if _is_away(consumer)
    ]
    if view.outbox_files >= _OUTBOX_FILES:
        found.append(Condition(Code.OUTBOX_GROWING, detail={"files": view.outbox_files}))
    return [*found, *_producers_gone(view), *_lag(view), *_twice(view), *_storm(view)]


def patient_conditions(ward: Ward, judged: Judgement) -> list[Condition]:
    """Conditions of single patients, or one for all of them if there are more than twenty."""
    stopped = np.flatnonzero((judged.state == State.STALE) & ward.is_regular[: len(ward)]).tolist()
    silent = np.argwhere(judged.silent & (judged.state != State.STALE)[:, None]).tolist()
    found: list[Condition] = []
    if len(stopped) > _MOST_SINGLE_ALARMS:
        found.append(Condition(Code.MANY_PATIENTS_STOPPED, detail={"count": len(stopped)}))
    else:
        for row in stopped:
            patient = ward.patients[row]
            detail = {"last_ms": int(ward.alive_ms[row]), "name": patient.name}
            found.append(Condition(Code.PATIENT_STOPPED, patient.patient_id, detail))
    if len(silent) > _MOST_SINGLE_ALARMS:
        found.append(Condition(Code.MANY_SENSORS_SILENT, detail={"count": len(silent)}))
    else:
        for row, number in silent:
            patient, sensor = ward.patients[row], sensor_codes()[number]
            detail = {"sensor": sensor, "name": patient.name}
            found.append(Condition(Code.SENSOR_SILENT, patient.patient_id, detail, sensor))
    return found


def _is_away(process: Process) -> bool:
    return process.has_answered and process.misses >= _DOWN_AFTER_MISSES


def _producers_gone(view: PipelineView) -> list[Condition]:
    found = []
    for producer in view.of_role("producer"):
        restarted_at = producer.restarted_at
        was_restarted = (
            restarted_at is not None and time.monotonic() - restarted_at < _RESTART_SHOWN_S
        )
        # of several replicas with one name fewer may remain: what counts is that others took over
        is_missed = producer.is_fixed or not view.are_all_shards_owned
        if (_is_away(producer) and is_missed) or was_restarted:
            found.append(
                Condition(Code.PRODUCER_GONE, producer.name, {"restarted": producer.is_up})
            )
    return found


def _lag(view: PipelineView) -> list[Condition]:
    messages = view.offsets.lag_messages
    if not (view.has_database and messages):
        return []
    behind_ms = view.now_ms - view.offsets.horizon_ms
    since_commit_ms = view.since_commit_ms
    detail = {"messages": messages}
    if behind_ms > _NOTHING_MS and (since_commit_ms is None or since_commit_ms > _NOTHING_MS):
        return [Condition(Code.NOTHING_COMMITTED, detail=detail)]
    return [Condition(Code.CONSUMER_BEHIND, detail=detail)] if behind_ms > _BEHIND_MS else []


def _twice(view: PipelineView) -> list[Condition]:
    return [
        Condition(
            Code.WINDOW_TWICE,
            " + ".join(pair),
            {"producers": list(pair), "count": windows.count, "window_ms": windows.kafka_ms},
        )
        for pair, windows in view.twice().items()
    ]


def _storm(view: PipelineView) -> list[Condition]:
    recent = [committed.counts for committed in view.recent]
    readings = sum(counts.readings for counts in recent)
    refused = sum(counts.readings - counts.accepted for counts in recent)
    if readings < _STORM_READINGS or refused < _STORM_SHARE * readings:
        return []
    reasons: Counter[str] = Counter()
    for counts in recent:
        reasons.update(counts.reasons)
    detail = {"share": round(refused / readings, 2), "reason": reasons.most_common(1)[0][0]}
    return [Condition(Code.QUARANTINE_STORM, detail=detail)]
