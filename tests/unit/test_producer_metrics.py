"""What the producer's parts count, without a broker."""

import errno
import math

import pytest
from confluent_kafka import KafkaError
from prometheus_client import REGISTRY

from producer import metrics
from producer.delivery.archive import RawArchive
from producer.delivery.outbox import Outbox
from producer.delivery.publisher import Publisher
from tests.builders import NOW, batch, series
from tests.nobody import NO_BROKER


class Counted:
    """How much a sample grew since this was made."""

    def __init__(self, name, **labels):
        self._where = (name, labels)
        self._before = self._value()

    def _value(self):
        return REGISTRY.get_sample_value(*self._where) or 0.0

    @property
    def more(self):
        return self._value() - self._before


@pytest.fixture
def outbox(tmp_path):
    archive, publisher = RawArchive(tmp_path, "metrics"), Publisher(NO_BROKER)
    archive.claim()
    yield Outbox(archive, publisher)
    publisher.close()
    archive.release()


def test_a_file_counts_as_published_once_all_of_it_is_acknowledged(outbox):
    published = Counted("vitals_producer_readings_total", stage="published")
    batches = Counted("vitals_producer_batches_total", stage="published")
    outbox.put(NOW, [batch(series(values=[1.0, 2.0])), batch(series(values=[3.0]))])
    outbox._queue_files()
    (delivery,) = outbox._queued
    delivery.note(None)
    outbox._settle(delivery)
    assert (published.more, batches.more) == (0, 0)
    delivery.note(None)
    assert outbox._settle(delivery) is delivery
    assert (published.more, batches.more) == (3, 2)


def test_a_delivery_that_failed_counts_as_an_error_and_not_as_published(outbox):
    published = Counted("vitals_producer_batches_total", stage="published")
    failed = Counted("vitals_producer_kafka_errors_total", error="_MSG_TIMED_OUT")
    outbox.put(NOW, [batch(series(values=[1.0]))])
    outbox._queue_files()
    (delivery,) = outbox._queued
    delivery.note(KafkaError(KafkaError._MSG_TIMED_OUT))
    assert outbox._settle(delivery) is None
    assert (published.more, failed.more) == (0, 1)


def test_a_broker_that_is_away_is_a_trouble_while_something_waits_for_it(outbox):
    reported = Counted("vitals_producer_kafka_errors_total", error="_ALL_BROKERS_DOWN")
    outbox._publisher._note_trouble(KafkaError(KafkaError._ALL_BROKERS_DOWN))
    assert outbox.trouble() is None
    outbox.put(NOW, [batch(series(values=[1.0]))])
    assert outbox.trouble() == "broker away"
    outbox._publisher._note_success()
    assert outbox.trouble() is None
    assert reported.more == 1


def test_a_refusal_of_the_disk_has_its_symbol():
    full = Counted("vitals_producer_archive_errors_total", errno="ENOSPC")
    metrics.count_archive_error(OSError(errno.ENOSPC, "No space left on device"))
    assert full.more == 1


def test_before_the_first_window_its_time_is_not_known():
    assert math.isnan(REGISTRY.get_sample_value("vitals_producer_last_window_timestamp_seconds"))
