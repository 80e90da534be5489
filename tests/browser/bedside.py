"""Patients whose readings a test decides; each window is published when it ends."""

import threading
import time
from contextlib import contextmanager
from dataclasses import replace

from common.demo_patients import demo_patient_ids
from producer.delivery.publisher import Publisher
from producer.simulation import Simulator
from producer.simulation.batches import make_batches
from schemas.batch import Series


class Bedside(threading.Thread):
    """Publishes from `start` until `end`. A test may change sensors, patients and values meanwhile."""

    def __init__(self, kafka, *, patients, window_ms=2000, interval_ms=1000):
        super().__init__(daemon=True)
        self.window_ms, self.interval_ms = window_ms, interval_ms
        self.patients = demo_patient_ids(patients)
        self.absent = set()
        """(patient, sensor) that send nothing."""
        self.gone = set()
        """Patients who send nothing at all."""
        self.instead = {}
        """(patient, sensor): the value that replaces the simulated ones."""
        self.published = []
        """The start of each window whose batches are all acknowledged."""
        self._publisher = Publisher(kafka)
        self._publishing, self._ended = threading.Lock(), threading.Event()
        self._errors, self._open = [], 0
        self._simulator = Simulator(seed=7)

    def run(self):
        window = self._now_ms() // self.window_ms * self.window_ms
        while not self._ended.wait(max(0.0, (window + self.window_ms - self._now_ms()) / 1000)):
            if self._publishing.acquire(blocking=False):
                try:
                    self._publish(window)
                finally:
                    self._publishing.release()
            window += self.window_ms
        self._publisher.close()

    def end(self):
        self._ended.set()
        self.join(60)
        assert not self._errors, self._errors

    @contextmanager
    def paused(self):
        """No window is published inside the block; those under way are acknowledged first."""
        with self._publishing:
            yield

    def _publish(self, window):
        simulator, step = self._simulator, self.interval_ms
        readings = simulator.simulate(self.patients, window, self.window_ms, step)
        batches = make_batches(
            readings,
            source=simulator.source(self.window_ms, step),
            producer_id="bedside",
            window_start=window,
            interval_ms=step,
            produced_at=window + self.window_ms,
        )
        for batch in batches:
            if batch.patient_id not in self.gone:
                self._offer(self._changed(batch))
        while self._open and not self._ended.is_set():
            self._publisher.poll(0.05)
        self.published.append(window)

    def _offer(self, batch):
        self._open += 1
        while not self._publisher.offer(batch, self._note):
            self._publisher.poll(0.1)

    def _note(self, error):
        self._open -= 1
        # at the end, what is not acknowledged yet is given up
        if error is not None and not self._ended.is_set():
            self._errors.append(error)

    def _changed(self, batch):
        changed = [
            self._with_value(series, self.instead.get((batch.patient_id, series.sensor)))
            for series in batch.series
            if (batch.patient_id, series.sensor) not in self.absent
        ]
        return replace(batch, series=tuple(changed))

    @staticmethod
    def _with_value(series, value):
        if value is None:
            return series
        values = [value] * len(series.values)
        return Series(
            series.sensor, series.component, series.unit, series.start, series.interval_ms, values
        )

    @staticmethod
    def _now_ms():
        return time.time_ns() // 1_000_000
