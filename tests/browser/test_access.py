"""The page shows nothing without a session, and to each person what the role allows."""

import pytest
from playwright.sync_api import expect

from ops.people.register import PageRole, People
from tests.browser.pages import sign_in
from tests.signing_in import new_person


@pytest.fixture(scope="module")
def guarded(make_world):
    world = make_world()
    world.monitor.start()
    world.wait_ready()
    yield world
    world.monitor.stop(10)


def test_the_page_asks_for_the_secret_and_keeps_a_session_that_no_script_sees(guarded, open_page):
    page = open_page(guarded, is_signed_in=False)
    secret = page.get_by_label("Your secret")
    expect(secret).to_be_focused()
    sign_in(page, "wrong")
    expect(page.get_by_role("alert")).to_have_text("Unknown secret.")
    assert page.locator(".tile").count() == 0
    sign_in(page, guarded.secret)
    expect(page.locator(".tile")).to_have_count(guarded.patients)
    [cookie] = page.context.cookies()
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"
    assert guarded.secret not in cookie["value"]
    assert page.evaluate("() => document.cookie") == ""
    page.reload()
    expect(page.locator(".tile")).to_have_count(guarded.patients)
    page.goto(f"{guarded.url}/#/quarantine")
    expect(page.get_by_text("Nothing is in quarantine.")).to_be_visible()


def test_the_form_is_in_portuguese_as_well(guarded, open_page):
    page = open_page(guarded, is_signed_in=False, locale="pt-BR")
    page.get_by_label("Seu segredo").fill("errado")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("Segredo desconhecido.")


def test_who_signs_out_leaves_nothing_behind(guarded, open_page):
    page = open_page(guarded)
    expect(page.locator(".tile")).to_have_count(guarded.patients)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Your secret")).to_be_visible()
    expect(page.locator(".tile")).to_have_count(0)
    assert page.context.cookies() == []


def test_a_session_that_has_ended_shows_the_form_again(guarded, open_page):
    page = open_page(guarded)
    expect(page.locator(".tile")).to_have_count(guarded.patients)
    page.context.clear_cookies()
    page.goto(f"{guarded.url}/#/quarantine")
    expect(page.get_by_label("Your secret")).to_be_visible()
    expect(page.locator(".tile")).to_have_count(0)


def test_an_open_page_of_a_removed_person_ends(guarded, open_page):
    secret = new_person(guarded.people, name="leaving")
    page = open_page(guarded, is_signed_in=False)
    sign_in(page, secret)
    expect(page.locator(".tile")).to_have_count(guarded.patients)
    People(guarded.people).remove("leaving")
    expect(page.get_by_label("Your secret")).to_be_visible()
    expect(page.locator(".tile")).to_have_count(0)


def test_a_viewer_is_shown_the_ward_alone(guarded, open_page):
    secret = new_person(guarded.people, PageRole.VIEWER, "viewer")
    page = open_page(guarded, "#/pipeline", is_signed_in=False)
    sign_in(page, secret)
    expect(page.locator(".tile")).to_have_count(guarded.patients)
    expect(page.get_by_role("navigation", name="Views").get_by_role("link")).to_have_text(["Ward"])
    page.goto(f"{guarded.url}/#/quarantine")
    expect(page.locator(".tile")).to_have_count(guarded.patients)
