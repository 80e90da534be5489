"""Searches every place where a reading may be, and combines what it finds."""

from collections.abc import Callable
from dataclasses import astuple, dataclass, field
from pathlib import Path

from common.errors import UnavailableError
from common.settings import DatabaseSettings, KafkaSettings
from common.times import unix_ms, utc_moment
from db.faults import reported
from db.read.quarantine_desk import WholeEntry
from db.read.snapshot import snapshot
from db.read.traces import Place, RegistroRow, Traces
from db.write.quarantine import bare_reading
from ops.explain.archive import ArchiveLine, ArchiveLook
from ops.explain.messages import find_messages, find_repeats, find_uncommitted, kept_message
from ops.explain.question import Question, iso
from ops.explain.rules import judgement
from ops.explain.sighting import Sighting, Sightings
from ops.explain.story import Story, Surroundings
from ops.explain.trusted import TrustedLook
from ops.look.messages import TopicLook
from ops.progress import Progress

_BATCH_ID = "batch-id"
_NEAR_MS = 600_000


def explain(
    question: Question,
    kafka: KafkaSettings,
    database: DatabaseSettings,
    output: Path,
    say: Callable[[str], object],
) -> Story:
    """The story of a reading; changes nothing.

    If the broker is away or files are gone, a note says so. Raises UnavailableError if the database
    does not answer.
    """
    progress = Progress(say)
    with snapshot(database) as connection, reported("read the tables"):
        archive = ArchiveLook(output / "raw", progress)
        trusted = TrustedLook(output / "trusted", progress)
        search = _Search(question, Traces(connection), archive, trusted)
        search.look_into_tables_and_files()
        search.look_into_topic(kafka, progress)
        return search.story()


@dataclass
class _Search:
    """One search: first what an index finds, then what has to be scanned for."""

    question: Question
    traces: Traces
    archive: ArchiveLook
    trusted: TrustedLook
    found: Sightings = field(default_factory=Sightings)
    around: Surroundings = field(default_factory=Surroundings)

    def look_into_tables_and_files(self) -> None:
        """Searches everything but the topic."""
        day = utc_moment(self.question.event_ms).date()
        for row in self.trusted.rows(self.traces.ranges_of_day(day), self.question):
            sighting = self.found.at(row.place, row.series, row.position)
            sighting.trusted, sighting.batch_id = row, row.batch_id
        self._look_into_quarantine()
        self._note_archived(self.archive.waiting(self.question))
        self._note_archived(self.archive.near(self.question, self.question.event_ms))
        # a replayed or resent reading was archived when it was sent, not when it was measured
        for sighting in list(self.found.placed.values()):
            if not sighting.archive and sighting.taken_ms is not None:
                self._note_archived(self.archive.near(self.question, sighting.taken_ms))
        for whole in self.traces.refused(self.question.patient_id, self.question.event_ms):
            self._note_refused(whole)

    def look_into_topic(self, kafka: KafkaSettings, progress: Progress) -> None:
        """Searches the topic; if the broker is away, a note says so."""
        name = kafka.kafka_topic
        try:
            with TopicLook(kafka, progress) as topic:
                find_messages(topic, self.found)
                next_offsets = self.traces.next_offsets(name)
                find_uncommitted(topic, name, next_offsets, self.question, self.found, self.around)
                self._set_ledger()
                found = self.found.all()
                committed = [sighting.ledger.committed_ms for sighting in found if sighting.ledger]
                if committed:
                    ranges = self.traces.ranges_with_repeats(min(committed) - 1)
                    find_repeats(topic, ranges, found)
        except UnavailableError as error:
            self.around.lag_messages = None
            self.around.notes.append(error.message)
            for sighting in self.found.all():
                sighting.is_topic_asked = False
                if sighting.message is None:
                    sighting.message_note = "the broker does not answer"

    def story(self) -> Story:
        """Judges what was found."""
        asked, around = self.question, self.around
        around.is_registered = self.traces.is_registered(asked.patient_id)
        around.mappings = self.traces.mappings(asked.patient_id, asked.sensor)
        around.outbox_files = self.archive.outbox_files()
        around.notes += [f"archive: {file}" for file in self.archive.unreadable]
        ids = sorted({mapping.mapping_id for mapping in around.mappings})
        rows: list[RegistroRow] = []
        if asked.component is not None:
            rows = self.traces.registro(ids, asked.component, asked.event_ms)
            around.corrections = self.traces.corrections(ids, asked.component, asked.event_ms)
            neighbours = self.traces.neighbours(ids, asked.component, asked.event_ms)
            around.before_ms, around.after_ms = neighbours
        self._set_ledger()
        undone = {
            (found.new.topic, found.new.partition, found.new.offset)
            for found in around.corrections
            if found.undone_ms is not None
        }
        for sighting in self.found.all():
            self._complete(sighting)
            sighting.is_undone = sighting.place is not None and astuple(sighting.place) in undone
        return Story(asked, self.found.all(), rows, around)

    def _look_into_quarantine(self) -> None:
        for whole in self.traces.quarantined(self.question.patient_id, self.question.event_ms):
            if self.question.is_about(whole.entry.sensor, whole.entry.component):
                self._note_entry(whole)
        for whole in self.traces.bare():
            fields = bare_reading(bytes(whole.body or b"{}"))
            asked = (self.question.patient_id, self.question.event_ms)
            is_its = (fields.get("patient_id"), fields.get("event_ms")) == asked
            if is_its and self.question.is_about(fields["sensor"], fields["component"]):
                self._note_entry(whole)

    def _note_entry(self, whole: WholeEntry) -> None:
        entry = whole.entry
        place = Place(entry.topic, entry.partition, entry.offset)
        sighting = self.found.at(place, entry.series, entry.position)
        sighting.entry, sighting.batch_id = whole, whole.batch_id

    def _note_archived(self, lines: list[ArchiveLine]) -> None:
        taken = self.traces.taken({line.batch.batch_id for line in lines})
        for line in lines:
            batch_id = line.batch.batch_id
            for series, position in self.question.positions(line.batch):
                if batch_id in taken:
                    sighting = self.found.at(taken[batch_id], series, position)
                    sighting.batch_id = batch_id
                else:
                    sighting = self.found.of_batch(batch_id, series, position)
                if line not in sighting.archive:
                    sighting.archive.append(line)

    def _note_refused(self, whole: WholeEntry) -> None:
        message = kept_message(whole)
        if message is None:
            return
        batch, named = message.batch, message.headers.get(_BATCH_ID)
        positions = list(self.question.positions(batch)) if batch else []
        if not positions:
            positions = [key[1:] for key in self.found.untaken if key[0] == named]
        for series, position in positions:
            archived = self.found.untaken.pop((named or "", series, position), None)
            sighting = self.found.at(message.place, series, position)
            sighting.archive = archived.archive if archived else []
            sighting.entry, sighting.message = whole, message
        is_near = abs(message.timestamp_ms - self.question.event_ms) < _NEAR_MS
        if not positions and batch is None and is_near:
            place = f"{message.place.partition}@{message.place.offset}"
            self.around.notes.append(
                f"a message of this patient could not be read ({whole.entry.reason}, {place},"
                f" {iso(message.timestamp_ms)}): it may have held the reading"
            )

    def _set_ledger(self) -> None:
        for sighting in self.found.placed.values():
            if sighting.ledger is None and sighting.place and not sighting.is_uncommitted:
                sighting.ledger = self.traces.range_at(sighting.place)

    def _complete(self, sighting: Sighting) -> None:
        place, part = sighting.place, sighting.ledger
        if sighting.trusted is None and sighting.entry is None and place and part:
            sighting.entry = self.traces.quarantined_at(place, sighting.series, sighting.position)
            gone = [file for file in part.files if file in self.trusted.gone]
            sighting.trusted_note = ", ".join(f"{file}: {self.trusted.gone[file]}" for file in gone)
        if sighting.is_refused_whole:
            sighting.judgement_note = "not applied: the whole message was refused"
            return
        if (batch := sighting.batch) is None:
            note = "what was sent is gone: neither message nor archive file is left"
            sighting.judgement_note = note
            return
        taken_ms = sighting.taken_ms
        if taken_ms is None:
            taken_ms = unix_ms()
            sighting.judgement_note = "as if Kafka received it now"
        sighting.judgement = judgement(batch, sighting.series, sighting.position, taken_ms)
