"""A small pipeline that has run, in a folder and in memory: archive, trusted files, and the tables' rows."""

import dataclasses
import math
from collections import defaultdict

import pyarrow as pa

from db.checksums import HOUR_MS, row_checksums, sums_by
from db.mapping import Mapping
from db.read.corrections import UNDONE
from db.read.evidence import REGISTRO_ROW
from db.read.quarantined import OVERTAKEN, QUARANTINED, READING_KEY, UNMAPPED
from ops.reconcile.letters import Letters
from ops.reconcile.prove import compare_places
from ops.reconcile.topic import TopicRest
from schemas.batch import SensorBatch
from schemas.files.attempts import begin_attempt
from schemas.files.trusted import TrustedFormat, write_trusted
from tests import builders
from tests.archives import claimed_archive
from tests.builders import NOW, PATIENT

TOPIC = "t"
BATCH = builders.batch(
    builders.series("glicose", [100.0, 101.0, 102.0]),
    builders.series("frequencia_cardiaca", [70.0]),
)
LACKING = builders.batch(
    builders.series("glicose", [math.nan, 101.0, 102.0]),
    builders.series("frequencia_cardiaca", [70.0]),
)
"""The same batch, but the first value is missing: that reading belongs into quarantine."""
FOREVER = 1 << 62
MAPPED = ((PATIENT, "glicose", 1, 0, FOREVER), (PATIENT, "frequencia_cardiaca", 2, 0, FOREVER))
_TRUSTED = pa.schema(
    [
        *READING_KEY,
        *((name, pa.string()) for name in ("patient_id", "sensor", "component", "unit")),
        *((name, pa.int64()) for name in ("event_ms", "kafka_ms", "offset")),
        ("partition", pa.int32()),
        ("value", pa.float64()),
    ]
)


def other(name, *runs, **fields):
    """A batch with its own batch id."""
    return dataclasses.replace(builders.batch(*runs, identity=name), **fields)


@dataclasses.dataclass
class World:
    """What each place holds; tests remove, duplicate and alter it, and compare."""

    folder: object
    mappings: tuple = MAPPED
    taken: dict = dataclasses.field(default_factory=dict)
    """Batch id -> (topic, partition, offset)."""
    ranges: list = dataclasses.field(default_factory=list)
    quarantined: list = dataclasses.field(default_factory=list)
    """(batch id, series, position) of readings that were not accepted."""
    readings: dict = dataclasses.field(default_factory=dict)
    """The same keys -> what the consumer made of a reading; tests alter it."""
    overtaken: list = dataclasses.field(default_factory=list)
    """Those of ``quarantined`` that passed the rules, and came after a newer value."""
    known: dict = dataclasses.field(default_factory=dict)
    """Batch id -> since when its values are known, of late ones (epoch ms)."""
    unmapped: list = dataclasses.field(default_factory=list)
    """(partition, offset, series, position) of accepted readings without a mapping."""
    waiting: dict = dataclasses.field(default_factory=dict)
    """Of these, what quarantine has otherwise: the same places -> fields."""
    registro: dict = dataclasses.field(default_factory=dict)
    """(mapping id, component, event ms) -> thousandths."""
    rest: set = dataclasses.field(default_factory=set)
    """Ids of the batches that are in the topic after the consumer's progress."""
    gone: dict = dataclasses.field(default_factory=dict)
    refused: list = dataclasses.field(default_factory=list)
    """Bodies of messages that are in quarantine whole."""
    messages: dict = dataclasses.field(default_factory=dict)
    """Topic, partition and offset -> body, of what is read again."""
    ends: dict = dataclasses.field(default_factory=lambda: {0: 0})
    """By partition."""
    entries: list = dataclasses.field(default_factory=list)
    """Refused messages in quarantine, as their dead letters must be."""
    letters: list = dataclasses.field(default_factory=list)
    letters_since_ms: int = 0
    has_letters: bool = True
    received: dict = dataclasses.field(default_factory=dict)
    strays: list = dataclasses.field(default_factory=list)
    asked: list = dataclasses.field(default_factory=list)
    """(hour, mapping ids) of which the rows of registro were read."""
    next_offsets: dict = dataclasses.field(default_factory=lambda: defaultdict(int))

    def archive(self, *batches, name="p1", finished=True):
        with claimed_archive(self.folder / "raw", name) as archive:
            path = archive.write(batches[0].window_start, batches)
            return archive.finish(path) if finished else path

    def take(self, *batches, partition=0, rejected=(), form=TrustedFormat.PARQUET):
        """Commits a range with one message per batch; all accepted except ``rejected`` (keys)."""
        first = self.next_offsets[TOPIC, partition]
        offsets = range(first, first + len(batches))
        rows = []
        for offset, batch in zip(offsets, batches, strict=True):
            self.taken[batch.batch_id] = (TOPIC, partition, offset)
            for row in self._readings(batch, partition, offset):
                key = (row["batch_id"], row["series"], row["position"])
                self.readings[key] = row
                if key in rejected:
                    self.quarantined.append(key)
                    continue
                rows.append(row)
                self._enter(row)
        with begin_attempt(self.folder / "trusted", TOPIC, partition) as attempt:
            accepted = pa.Table.from_pylist(rows, _TRUSTED)
            files = write_trusted(attempt, accepted, offsets=offsets, form=form)
        unmapped = sum(1 for row in self.unmapped if row[0] == partition)
        self.ranges.append(
            builders.ledger_row(
                offsets, *files, topic=TOPIC, partition=partition, unmapped=unmapped
            )
        )
        self.next_offsets[TOPIC, partition] = offsets.stop

    def compare(self, topic=TOPIC):
        return compare_places(MemoryEvidence(self), MemoryBroker(self), self.folder, topic)

    def prove(self):
        return self.compare().proof

    def _readings(self, batch: SensorBatch, partition, offset):
        for series, run in enumerate(batch.series):
            for position, value in enumerate(run.values):
                yield {
                    "batch_id": batch.batch_id,
                    "series": series,
                    "position": position,
                    "patient_id": batch.patient_id,
                    "sensor": run.sensor,
                    "component": run.component or "valor",
                    "unit": run.unit,
                    "event_ms": run.start + position * run.interval_ms,
                    "kafka_ms": NOW,
                    "offset": offset,
                    "partition": partition,
                    "value": value,
                }

    def _enter(self, row):
        place = (row["partition"], row["offset"], row["series"], row["position"])
        for patient_id, sensor, mapping_id, since, until in self.mappings:
            is_its = (patient_id, sensor) == (row["patient_id"], row["sensor"])
            if is_its and since <= row["event_ms"] < until and place not in self.unmapped:
                key = (mapping_id, row["component"], row["event_ms"])
                self.registro[key] = round(row["value"] * 1000)


class MemoryBroker:
    """What Kafka holds, from a World."""

    def __init__(self, world):
        self.world = world

    def rest(self, _next_offsets):
        return TopicRest(self.world.rest, self.world.gone)

    def ends(self, topic):
        return self.world.ends if topic == TOPIC else {}

    def at(self, topic, offsets):
        for place, body in self.world.messages.items():
            if place[0] == topic and place[2] in offsets.get(place[1], ()):
                yield place, body

    def letters(self):
        found = [(f"dlq 0@{place}", letter) for place, letter in enumerate(self.world.letters)]
        return Letters("dlq", found, self.world.letters_since_ms, exists=self.world.has_letters)


class MemoryEvidence:
    """What `db.read.evidence` returns, from the rows of a World."""

    def __init__(self, world):
        self.world = world

    def next_offsets(self):
        return dict(self.world.next_offsets)

    def moment_ms(self):
        return NOW

    def known_since(self):
        return self.world.known

    def overtaken(self):
        rows = [self.world.readings[key] for key in self.world.overtaken]
        return pa.Table.from_pylist(
            [{name: row[name] for name in OVERTAKEN.names} for row in rows], OVERTAKEN
        )

    def ranges(self):
        return sorted(self.world.ranges, key=lambda row: (row.partition, row.first))

    def taken(self):
        return [(batch_id, *place) for batch_id, place in self.world.taken.items()]

    def quarantined(self):
        yield self._entries(lambda _: True)

    def quarantined_of(self, batch_ids):
        return self._entries(lambda key: key[0] in set(batch_ids))

    def _entries(self, is_wanted):
        rows = [
            {
                **dict(zip(READING_KEY.names, key, strict=True)),
                "reason": None if key in self.world.overtaken else "missing",
                **self.world.readings.get(key, {}),
            }
            for key in self.world.quarantined
            if is_wanted(key)
        ]
        # as a reading that the sensor sent without a component
        rows = [row if row["reason"] is None else {**row, "component": None} for row in rows]
        return pa.Table.from_pylist(rows, QUARANTINED)

    def received(self, batch_ids):
        return {name: at for name, at in self.world.received.items() if name in batch_ids}

    def strays(self):
        return self.world.strays

    def unmapped(self, part):
        places = {
            (row["partition"], row["offset"], row["series"], row["position"]): row
            for row in self.world.readings.values()
        }
        rows = [
            {**places[place], **self.world.waiting.get(place, {})}
            for place in self.world.unmapped
            if place[0] == part.partition and part.first <= place[1] < part.until
        ]
        return pa.Table.from_pylist(rows, UNMAPPED)

    def refused_messages(self):
        return len(self.world.refused)

    def refused(self, topic):
        return [entry for entry in self.world.entries if entry.topic == topic]

    def refused_bodies(self):
        return iter(self.world.refused)

    def undone(self):
        return UNDONE.empty_table()

    def mappings(self):
        return [Mapping(*mapping) for mapping in self.world.mappings]

    def registro_hours(self):
        table = self._registro()
        return sums_by(table["event_ms"].to_numpy() // HOUR_MS, _sums(table))

    def registro_mappings(self, first_hour, until_hour):
        table = self._registro()
        found = {}
        for row, checksum in zip(table.to_pylist(), _sums(table), strict=True):
            hour = row["event_ms"] // HOUR_MS
            if first_hour <= hour < until_hour:
                count, total = found.get((hour, row["mapping_id"]), (0, 0))
                found[hour, row["mapping_id"]] = (count + 1, total + int(checksum))
        return found

    def registro_rows(self, hour, mapping_ids):
        self.world.asked.append((hour, mapping_ids))
        return _table(
            REGISTRO_ROW,
            [
                (*key, value)
                for key, value in self.world.registro.items()
                if key[0] in mapping_ids and key[2] // HOUR_MS == hour
            ],
        )

    def _registro(self):
        return _table(REGISTRO_ROW, [(*key, value) for key, value in self.world.registro.items()])


def _sums(table):
    return row_checksums(*(column.combine_chunks() for column in table.columns))


def _table(schema, rows):
    return pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema)
