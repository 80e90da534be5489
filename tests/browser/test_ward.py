"""The ward: tiles follow the database, say what is wrong, and can be filtered and reached by keyboard."""

import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from db.connection import connect
from db.schema.stays import begin, end
from schemas.catalogue import sensors
from tests.browser.pages import alarm, tile, vital

NEWEST = (
    "SELECT r.valor FROM registro r JOIN paciente_sensor ps ON ps.id = r.paciente_sensor_id"
    " JOIN paciente p ON p.id = ps.paciente_id JOIN sensor s ON s.id = ps.sensor_id"
    " WHERE p.identificador = %s AND s.codigo = %s AND r.componente = %s"
    " ORDER BY r.created_at DESC LIMIT 1"
)
STATES = ("stale", "out", "silent", "fresh", "never")


# a tile as the monitor sends it, for the states that no bedside can bring about
TAKE = """async ([id, change]) => {
  const { store } = await import("/static/js/store.js");
  (await import("/static/js/stream.js")).stream.stop();
  const tile = [...store.tiles[store.indexOf.get(id)]];
  for (const [place, value] of Object.entries(change)) tile[place] = value;
  store.takeTiles({ now: Date.now(), tiles: [tile] });
}"""
OUT, UNKNOWN_SINCE, IS_MONITORED, REJECTED = "1", "7", "8", "9"


def now_utc():
    """As the tables hold it."""
    return datetime.now(UTC).replace(tzinfo=None)


def by_need(page):
    page.get_by_label("Order").select_option("need")


def shown_order(page, what="patient"):
    """Of the tiles, in their places."""
    return page.locator(".tile").evaluate_all(
        "(tiles, what) => tiles.sort((a, b) => a.ariaPosInSet - b.ariaPosInSet)"
        ".map((tile) => tile.dataset[what])",
        what,
    )


def test_tiles_follow_what_is_committed(world, open_page):
    page = open_page(world)
    shown = tile(page, "demo-000001")
    expect(shown).to_have_attribute("data-state", "fresh")
    expect(page.locator(".tile")).to_have_count(world.patients)
    name = world.rows("SELECT nome FROM paciente WHERE identificador = 'demo-000001'")[0][0]
    expect(shown).to_contain_text(name)
    expect(shown).to_contain_text("demo-000001")
    before = vital(page, "demo-000001", "movimentacao").inner_text()
    expect(vital(page, "demo-000001", "movimentacao")).not_to_have_text(before)


def test_the_newest_values_are_those_of_the_database_with_the_catalogues_decimals(world, open_page):
    page = open_page(world)
    expect(tile(page, "demo-000004")).to_have_attribute("data-state", "fresh")
    with world.bedside.paused():
        world.wait_for_no_lag()

        def newest(sensor, component="valor"):
            return world.rows(NEWEST, "demo-000004", sensor, component)[0][0]

        systolic, diastolic = (
            newest("pressao_arterial", component) for component in ("sistolica", "diastolica")
        )
        expect(vital(page, "demo-000004", "pressao_arterial").locator(".value")).to_have_text(
            f"{systolic:.0f}/{diastolic:.0f}"
        )
        for sensor, decimals in (("frequencia_cardiaca", 0), ("glicose", 1), ("umidade_pele", 1)):
            expect(vital(page, "demo-000004", sensor).locator(".value")).to_have_text(
                f"{newest(sensor):.{decimals}f}"
            )
        x, y, z = (f"{newest('movimentacao', axis):.3f}" for axis in "xyz")
        expect(vital(page, "demo-000004", "movimentacao").locator(".value")).to_have_text(
            f"{x} {y} {z}"
        )


def test_a_silent_sensor_shows_by_name_within_two_windows_and_clears_on_its_own(world, open_page):
    page = open_page(world)
    by_need(page)
    expect(tile(page, "demo-000003")).to_have_attribute("data-state", "fresh")
    world.bedside.absent.add(("demo-000003", "glicose"))
    since = world.now_ms()
    expect(tile(page, "demo-000003")).to_have_attribute("data-state", "silent")
    windows = (world.now_ms() - since) / world.window_ms
    print(f"\na silent sensor showed {windows:.1f} windows of {world.window_ms} ms after its last")
    silent = vital(page, "demo-000003", "glicose")
    expect(silent).to_have_class("vital is-silent")
    expect(silent).to_contain_text("silent")
    raised = alarm(page, "sensor_silent", "demo-000003")
    expect(raised).to_contain_text("Sensor glicose (Glucose) of demo-000003")
    expect(raised).to_contain_text("is silent")
    expect(raised).to_contain_text("since")
    first = page.locator(".tile[aria-posinset='1']")
    expect(first).to_have_attribute("data-patient", "demo-000003")
    raised.get_by_text("What to do").click()
    expect(raised).to_contain_text("is the sensor in place")
    raised.get_by_role("link", name="Show patient").click()
    expect(page).to_have_url(re.compile(r"#/patient/demo-000003$"))
    world.bedside.absent.clear()
    expect(alarm(page, "sensor_silent", "demo-000003")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(tile(page, "demo-000003")).to_have_attribute("data-state", "fresh")


def test_a_patient_who_stopped_comes_first_and_an_implausible_reading_second(world, open_page):
    page = open_page(world)
    by_need(page)
    expect(tile(page, "demo-000007")).to_have_attribute("data-state", "fresh")
    world.bedside.gone.add("demo-000007")
    world.bedside.instead["demo-000006", "glicose"] = 5000.0
    try:
        expect(tile(page, "demo-000007")).to_have_attribute("data-state", "stale")
        expect(tile(page, "demo-000006")).to_have_attribute("data-state", "out")
        expect(tile(page, "demo-000006")).to_contain_text("Reading rejected: Gluc 5,000")
        expect(vital(page, "demo-000006", "glicose")).to_contain_text("rejected")
        expect(alarm(page, "patient_stopped", "demo-000007")).to_contain_text("No more data from")
        order = shown_order(page, "state")
        assert order == sorted(order, key=STATES.index)
        assert order[0] == "stale"
        page.locator(".chip[data-state='out']").click()
        expect(page.locator(".tile")).to_have_count(1)
        expect(tile(page, "demo-000006")).to_be_visible()
        page.locator(".chip[data-state='out']").click()
    finally:
        world.bedside.gone.clear()
        world.bedside.instead.clear()
    expect(tile(page, "demo-000007")).to_have_attribute("data-state", "fresh")
    expect(tile(page, "demo-000006")).to_have_attribute("data-state", "fresh")


@pytest.mark.parametrize("what", ["name", "id"])
def test_the_filter_finds_names_without_accents_and_ids(world, open_page, what):
    page = open_page(world)
    name = world.rows("SELECT nome FROM paciente WHERE identificador = 'demo-000002'")[0][0]
    page.get_by_role("searchbox").fill(name.upper() if what == "name" else "MO-000002")
    expect(tile(page, "demo-000002")).to_be_visible()
    expect(page.locator(".count")).to_contain_text("of 10 patients")
    if what == "id":
        # typed as it is, so that an id which only looks alike would not show
        page.get_by_role("searchbox").fill("mo-000002")
        expect(tile(page, "demo-000002")).to_be_visible()
    page.get_by_role("searchbox").fill("no such name")
    expect(page.locator(".tile")).to_have_count(0)
    expect(page.get_by_text("No patient matches the filter.")).to_be_visible()


def test_the_keyboard_goes_from_tile_to_tile_into_a_patient_and_back(world, open_page):
    page = open_page(world)
    expect(page.locator(".tile")).to_have_count(world.patients)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    focused = page.locator(".tile-link:focus")
    expect(focused).to_have_count(1)
    assert focused.evaluate("link => getComputedStyle(link).outlineStyle") == "solid"

    def place():
        return page.evaluate("() => Number(document.activeElement.parentNode.ariaPosInSet)")

    assert place() == 1
    page.keyboard.press("ArrowRight")
    assert place() == 2
    page.keyboard.press("ArrowDown")
    columns = place() - 2
    assert columns > 1
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowLeft")
    assert place() == 1
    page.keyboard.press("End")
    assert place() == world.patients
    patient = page.evaluate("() => document.activeElement.parentNode.dataset.patient")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text(patient)
    page.keyboard.press("Escape")
    expect(tile(page, patient).locator("a")).to_be_focused()


def test_tiles_are_in_the_order_of_their_names_unless_one_chooses_by_need(world, open_page):
    page = open_page(world)
    expect(page.locator(".tile")).to_have_count(world.patients)
    named = dict(world.rows("SELECT identificador, nome FROM paciente"))
    names = [named[patient] for patient in shown_order(page)]
    assert names == page.evaluate("names => names.toSorted(new Intl.Collator('en').compare)", names)
    expect(page.get_by_label("Order")).to_have_value("name")
    by_need(page)
    page.reload()
    expect(page.get_by_label("Order")).to_have_value("need")


def test_nothing_moves_below_the_pointer_or_the_focus(world, open_page):
    page = open_page(world)
    by_need(page)
    expect(page.locator(".tile")).to_have_count(world.patients)
    first, second, *_, last = shown_order(page)
    page.locator(f".tile[data-patient='{first}'] a").focus()
    tile(page, second).hover()
    before = [tile(page, patient).bounding_box() for patient in (first, second)]
    world.bedside.gone.add(last)
    try:
        expect(tile(page, last)).to_have_attribute("data-state", "stale")
        expect(alarm(page, "patient_stopped", last)).to_be_visible()
        assert [tile(page, patient).bounding_box() for patient in (first, second)] == before
        page.mouse.move(5, 5)
        page.locator("h1").evaluate("() => document.activeElement.blur()")
        expect(page.locator(".tile[aria-posinset='1']")).to_have_attribute("data-patient", last)
    finally:
        world.bedside.gone.clear()
    expect(tile(page, last)).to_have_attribute("data-state", "fresh")
    # it has recovered, and keeps its place for a minute
    expect(page.locator(".tile[aria-posinset='1']")).to_have_attribute("data-patient", last)


def test_fresh_is_a_small_mark_and_not_the_colour_of_a_tile(world, open_page):
    page = open_page(world)
    link = tile(page, "demo-000001").locator(".tile-link")
    expect(tile(page, "demo-000001")).to_have_attribute("data-state", "fresh")
    colours = link.evaluate(
        "node => [getComputedStyle(node).borderLeftColor, getComputedStyle(node).borderRightColor]"
    )
    assert colours[0] == colours[1]
    mark = tile(page, "demo-000001").locator(".state")
    red, green, blue = map(
        int, re.findall(r"\d+", mark.evaluate("node => getComputedStyle(node).color"))[:3]
    )
    assert max(red, green, blue) - min(red, green, blue) < 60


def test_a_rejected_reading_is_shown_with_its_value(world, open_page):
    page = open_page(world)
    expect(page.locator(".tile")).to_have_count(world.patients)
    page.evaluate(TAKE, ["demo-000002", {OUT: 2, REJECTED: [[0, 5000.0, 1]]}])
    expect(tile(page, "demo-000002")).to_contain_text("Reading rejected: HR 5,000")


def test_tiles_whose_pipeline_is_away_say_since_when_they_are_unknown(world, open_page):
    page = open_page(world, timezone_id="UTC")
    expect(page.locator(".tile")).to_have_count(world.patients)
    page.evaluate(TAKE, ["demo-000002", {UNKNOWN_SINCE: "2026-03-01T07:05:09Z"}])
    expect(tile(page, "demo-000002")).to_contain_text("Unknown since 07:05")
    expect(tile(page, "demo-000002")).not_to_contain_text("Fresh")


@pytest.mark.parametrize("order", ["name", "need"])
def test_patients_who_are_not_monitored_come_last(world, open_page, order):
    page = open_page(world)
    page.get_by_label("Order").select_option(order)
    expect(page.locator(".tile")).to_have_count(world.patients)
    page.evaluate(TAKE, [first := shown_order(page)[0], {OUT: 3, IS_MONITORED: False}])
    expect(tile(page, first)).to_contain_text("Not monitored")
    expect(tile(page, first)).to_have_attribute("aria-posinset", str(world.patients))


def test_a_patient_whose_mappings_have_ended_is_last_and_raises_no_alarm(world, open_page):
    """His readings go on for a while, and then stop."""
    page = open_page(world)
    by_need(page)
    expect(tile(page, "demo-000009")).to_have_attribute("data-state", "fresh")
    codes = [sensor.code for sensor in sensors()]
    with connect(world.pipeline.database) as connection:
        end(connection, "demo-000009", codes, now_utc())
        try:
            expect(tile(page, "demo-000009")).to_contain_text("Not monitored")
            world.bedside.gone.add("demo-000009")
            world.wait_for_windows(5)
            world.wait_for_no_lag()
            shown = tile(page, "demo-000009")
            expect(shown).to_have_attribute("aria-posinset", str(world.patients))
            expect(shown).to_have_attribute("data-state", "unmonitored")
            expect(page.locator(".alarm[data-subject='demo-000009']")).to_have_count(0)
        finally:
            world.bedside.gone.clear()
            begin(connection, "demo-000009", codes, now_utc(), None)
    expect(tile(page, "demo-000009")).to_have_attribute("data-state", "fresh")
