"""A monitor with a token shows nothing without it."""

import pytest
from playwright.sync_api import expect

TOKEN = "a-token-of-this-test"


@pytest.fixture(scope="module")
def guarded(make_world):
    world = make_world()
    world.monitor = world.child("monitor", "ops", "monitor", MONITOR_TOKEN=TOKEN)
    world.monitor.start()
    world.wait_ready()
    yield world
    world.monitor.stop(10)


@pytest.mark.parametrize(
    "path", ["/api/ward", "/api/stream", "/api/quarantine", "/api/patient/x?from=1&until=2"]
)
def test_no_data_without_the_token(guarded, path):
    assert guarded.status(path) == 401
    assert guarded.status(path, {"Authorization": f"Bearer {TOKEN}x"}) == 401


def test_the_page_asks_for_the_token_and_keeps_it_as_a_cookie_that_no_script_sees(
    guarded, open_page
):
    page = open_page(guarded)
    token = page.get_by_label("Token")
    expect(token).to_be_focused()
    token.fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("Wrong token.")
    assert page.locator(".tile").count() == 0
    token.fill(TOKEN)
    page.keyboard.press("Enter")
    expect(page.locator(".tile")).to_have_count(guarded.patients)
    [cookie] = page.context.cookies()
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"
    assert page.evaluate("() => document.cookie") == ""
    page.reload()
    expect(page.locator(".tile")).to_have_count(guarded.patients)
    page.goto(f"{guarded.url}/#/quarantine")
    expect(page.get_by_text("Nothing is in quarantine.")).to_be_visible()


def test_a_link_with_the_token_opens_the_page_and_does_not_keep_it_in_the_address(
    guarded, open_page
):
    page = open_page(guarded, f"?token={TOKEN}")
    expect(page.locator(".tile")).to_have_count(guarded.patients)
    assert TOKEN not in page.url


def test_a_removed_cookie_shows_the_form_again(guarded, open_page):
    page = open_page(guarded, f"?token={TOKEN}")
    expect(page.locator(".tile")).to_have_count(guarded.patients)
    page.context.clear_cookies()
    page.goto(f"{guarded.url}/#/quarantine")
    expect(page.get_by_label("Token")).to_be_visible()
