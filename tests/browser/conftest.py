"""A real Chromium that looks at a real monitor; anything missing fails the tests."""

import pytest
from playwright.sync_api import sync_playwright

from tests.browser.chromium import CACHE, find_or_bring
from tests.browser.pages import Watched
from tests.browser.world import World
from tests.services.pipeline import new_pipeline


@pytest.fixture(scope="session")
def chromium(pytestconfig):
    """The download may take a minute: its progress is shown."""
    with pytestconfig.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        return find_or_bring(CACHE, lambda text: print(text, flush=True))


@pytest.fixture(scope="session")
def browser(chromium):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def make_world(broker, database_server, jars, class_archive, tmp_path_factory):
    """Makes worlds on the broker that all tests share, or on one of their own."""
    made = []

    def make(*, patients=10, kafka=broker.settings, **rhythm):
        pipeline = new_pipeline(
            kafka,
            database_server.admin_settings(),
            jars,
            class_archive,
            tmp_path_factory.mktemp("world"),
            patients=patients,
        )
        made.append(pipeline)
        return World(pipeline, patients=patients, **rhythm)

    yield make
    for pipeline in made:
        pipeline.drop_database()


@pytest.fixture(scope="module")
def world(make_world):
    """Ten patients with windows of two seconds, watched by a monitor; shared by a file's tests."""
    with make_world().running() as world:
        yield world


@pytest.fixture
def open_page(browser):
    """Opens pages of a world, signed in; at the end none may have failed or contacted another host."""
    watched = []

    def open_(world, view="#/ward", *, is_signed_in=True, **context):
        options = {"viewport": {"width": 1280, "height": 900}, "locale": "en-GB"} | context
        opened = Watched(browser.new_context(**options), world.url)
        watched.append(opened)
        if is_signed_in:
            opened.context.add_cookies([world.cookie()])
        opened.page.goto(f"{world.url}/{view}")
        return opened.page

    yield open_
    for opened in watched:
        opened.close()
