"""The page names what has failed, and the alarm clears once it works again."""

import os
import re
import signal

import pytest
from playwright.sync_api import expect

from ops.stack import KafkaBroker
from tests.browser.pages import alarm, sign_in, tile
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def own_broker(jars, tmp_path_factory):
    """A broker that may be stopped, because no other test uses it."""
    broker = KafkaBroker(tmp_path_factory.mktemp("own-kafka"), jars)
    broker.start()
    broker.wait_ready()
    yield broker
    broker.stop()


@pytest.fixture(scope="module")
def world(make_world, own_broker):
    """Two real producers instead of the bedside."""
    world = make_world(kafka=own_broker.settings)
    producers = {number: world.producer(number) for number in (1, 2)}
    with world.running(bedside=False):
        world.producers = producers
        for producer in producers.values():
            producer.start()
        try:
            world.wait_until_fresh()
            yield world
        finally:
            for producer in producers.values():
                producer.stop(30)


def test_a_killed_producer_is_named_and_clears_when_it_is_back(world, open_page):
    page = open_page(world, "#/pipeline")
    rows = page.locator("#list-producers tbody tr")
    expect(rows.filter(has_text="producer-1")).to_contain_text("answers")
    expect(rows.filter(has_text="producer-2")).to_contain_text("answers")
    world.producers[2].kill()
    gone = alarm(page, "producer_gone", "producer-2")
    expect(gone).to_contain_text("Producer producer-2 does not answer")
    expect(rows.filter(has_text="producer-2")).to_contain_text("does not answer")
    page.goto(f"{world.url}/#/ward")
    expect(gone).to_be_visible()
    world.producers[2].start()
    expect(gone).to_have_count(0, timeout=90_000)
    page.goto(f"{world.url}/#/pipeline")
    expect(page.locator("#list-alarms tbody tr").filter(has_text="producer-2")).not_to_contain_text(
        "active"
    )


def test_a_rate_whose_producers_are_away_is_unknown_since_then(world, open_page):
    page = open_page(world, "#/pipeline")
    figure = page.locator("#figure-in")
    expect(figure).not_to_contain_text("Unknown")
    for producer in world.producers.values():
        producer.kill()
    expect(figure).to_contain_text(re.compile(r"Unknown since \d\d:\d\d"))
    rows = page.locator("#list-producers tbody tr")
    expect(rows.filter(has_text="producer-1").locator("td").last).to_have_text("\u2013")
    for producer in world.producers.values():
        producer.start()
    expect(figure).not_to_contain_text("Unknown")
    expect(page.locator(".alarm")).to_have_count(0, timeout=120_000)


def test_a_stopped_consumer_is_named_and_clears_when_it_resumes(world, open_page):
    page = open_page(world)
    expect(tile(page, "demo-000001")).to_have_attribute("data-state", "fresh")
    os.kill(world.consumer.pid, signal.SIGSTOP)
    try:
        gone = alarm(page, "consumer_away", "consumer")
        expect(gone).to_contain_text("Consumer does not answer")
        expect(gone).to_contain_text("Critical")
        expect(tile(page, "demo-000001")).to_contain_text("Unknown since")
    finally:
        os.kill(world.consumer.pid, signal.SIGCONT)
    expect(gone).to_have_count(0, timeout=90_000)


def test_a_stopped_broker_is_named_and_everything_resumes_when_it_is_back(
    world, own_broker, open_page
):
    page = open_page(world)
    expect(tile(page, "demo-000001")).to_have_attribute("data-state", "fresh")
    own_broker.stop()
    away = alarm(page, "broker_away")
    expect(away).to_contain_text("Broker does not answer")
    away.get_by_text("What to do").click()
    expect(away).to_contain_text("Check that Kafka is running")
    own_broker.start()
    own_broker.wait_ready()
    expect(away).to_have_count(0, timeout=90_000)
    expect(page.locator(".alarm")).to_have_count(0, timeout=120_000)
    expect(tile(page, "demo-000001")).to_have_attribute("data-state", "fresh")


def test_a_lost_stream_is_reported_and_reopened_for_who_signs_in_again(world, open_page):
    page = open_page(world)
    expect(tile(page, "demo-000002")).to_have_attribute("data-state", "fresh")
    world.monitor.kill()
    banner = page.locator("#lost")
    expect(banner).to_contain_text("No connection to the monitor since")
    expect(tile(page, "demo-000002")).to_contain_text("Unknown since")
    banner.get_by_role("button", name="Try now").click()
    expect(banner).to_contain_text("What is shown is no longer up to date")
    world.monitor.start()
    world.wait_ready()
    sign_in(page, world.secret)
    expect(banner).to_be_hidden()
    before = tile(page, "demo-000002").locator("[data-sensor='movimentacao']").inner_text()
    expect(tile(page, "demo-000002").locator("[data-sensor='movimentacao']")).not_to_have_text(
        before
    )


def test_a_stream_that_hangs_silently_is_noticed(world, open_page):
    page = open_page(world)
    expect(tile(page, "demo-000002")).to_have_attribute("data-state", "fresh")
    os.kill(world.monitor.pid, signal.SIGSTOP)
    try:
        expect(page.locator("#lost")).to_contain_text("No connection to the monitor since")
    finally:
        os.kill(world.monitor.pid, signal.SIGCONT)
    expect(page.locator("#lost")).to_be_hidden()
    wait_until(lambda: world.status("/live") == 200, lambda: "the monitor")
