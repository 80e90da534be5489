"""One patient's charts hold what the database holds: points, gaps, rejected readings."""

import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from producer.simulation import simulated_sensors
from schemas.catalogue import sensors
from tests.browser.pages import CHART_DATA, chart_data, points, segments

READINGS = (
    "SELECT r.created_at, r.valor FROM registro r"
    " JOIN paciente_sensor ps ON ps.id = r.paciente_sensor_id"
    " JOIN paciente p ON p.id = ps.paciente_id JOIN sensor s ON s.id = ps.sensor_id"
    " WHERE p.identificador = %s AND s.codigo = %s AND r.componente = %s ORDER BY r.created_at"
)
COLUMNS = [
    (sensor.code, component.part, line)
    for sensor in simulated_sensors()
    for line, component in enumerate(sensor.components, 1)
]
PATIENT = "demo-000005"
FAULTY = 5000.0


@pytest.fixture(scope="module")
def interrupted(world):
    """The patient sent nothing for some windows, then impossible glucose for some more."""
    world.wait_for_windows(3)
    world.bedside.gone.add(PATIENT)
    world.wait_for_windows(4)
    world.bedside.gone.clear()
    world.bedside.instead[PATIENT, "glicose"] = FAULTY
    world.wait_for_windows(2)
    world.bedside.instead.clear()
    world.wait_for_windows(3)
    return world


def readings(world, sensor, component, chart):
    """The rows of the table in the time that the chart shows."""
    found = world.rows(READINGS, PATIENT, sensor, component)
    rows = [(moment.replace(tzinfo=UTC).timestamp() * 1000, value) for moment, value in found]
    return [
        (round(at), float(value))
        for at, value in rows
        if chart["from"] <= round(at) < chart["until"]
    ]


def pieces(times, step):
    """Times, cut where two of them are more than the interval apart."""
    found = [[]]
    for at in times:
        if found[-1] and at - found[-1][-1] > step:
            found.append([])
        found[-1].append(at)
    return found


def first_gap(world, page, sensor):
    """The length in seconds of the first stretch without readings, by the table."""
    chart = chart_data(page, sensor)
    times = [at for at, _ in readings(world, sensor, "valor", chart)]
    before, after = pieces(times, world.interval_ms)[:2]
    return (after[0] - before[-1] - world.interval_ms) // 1000


def wait_for_charts(page):
    # a page that shows no chart yet has none that is empty, either
    expect(page.locator(".plot")).to_have_count(len(sensors()))
    page.wait_for_function(
        "() => [...document.querySelectorAll('.plot')].every(p => p.chart?.data[0].length)"
    )


def test_points_and_gaps_of_every_chart_are_those_of_the_table(interrupted, open_page):
    world = interrupted
    with world.bedside.paused():
        world.wait_for_no_lag()
        page = open_page(world, f"#/patient/{PATIENT}?range=5min")
        wait_for_charts(page)
        for sensor, component, line in COLUMNS:
            chart = chart_data(page, sensor)
            expected = readings(world, sensor, component, chart)
            assert len(expected) > 10
            assert points(chart, line) == expected, (sensor, component)
            times = [at for at, _ in expected]
            assert segments(chart, line) == pieces(times, world.interval_ms), (sensor, component)
        assert len(segments(chart_data(page, "frequencia_cardiaca"))) == 2
        assert len(segments(chart_data(page, "glicose"))) == 3 - 1


def test_longer_periods_show_mean_lowest_and_highest_of_each_bucket(interrupted, open_page):
    world = interrupted
    with world.bedside.paused():
        world.wait_for_no_lag()
        page = open_page(world, f"#/patient/{PATIENT}?range=1h")
        page.wait_for_function("() => document.querySelector('.plot')?.chart?.data[0].length")
        expect(page.locator(".shown")).to_contain_text("Mean, lowest and highest of each")
        chart = chart_data(page, "frequencia_cardiaca")
        step = world.json(f"/api/patient/{PATIENT}?from={chart['from']}&until={chart['until']}")[
            "bucket_ms"
        ]
        assert step > world.interval_ms
        buckets = {}
        for at, value in readings(world, "frequencia_cardiaca", "valor", chart):
            buckets.setdefault(at // step * step, []).append(value)
        assert points(chart, 2) == [(at, min(found)) for at, found in buckets.items()]
        assert points(chart, 3) == [(at, max(found)) for at, found in buckets.items()]
        means = [
            (at, pytest.approx(sum(found) / len(found), abs=0.001)) for at, found in buckets.items()
        ]
        assert points(chart, 1) == means


def test_rejected_readings_and_gaps_are_listed_and_explained_on_hover(interrupted, open_page):
    page = open_page(interrupted, f"#/patient/{PATIENT}?range=5min")
    rejected = page.locator("#rejected")
    expect(rejected).to_contain_text("Glucose")
    expect(rejected).to_contain_text("5,000")
    expect(rejected).to_contain_text("outside the plausible range")
    # newest first: the pauses of earlier tests come before the gap of the fixture
    gaps = page.locator("#gaps tbody tr")
    silent, without_glucose = (
        first_gap(interrupted, page, code) for code in ("frequencia_cardiaca", "glicose")
    )
    assert without_glucose > silent
    expect(gaps.filter(has_text="Heart rate").last).to_contain_text(f"{silent} sec")
    expect(gaps.filter(has_text="Glucose").last).to_contain_text(f"{without_glucose} sec")
    over = page.locator(".strip[data-sensor='glicose'] .u-over")
    over.scroll_into_view_if_needed()
    mark = interrupted.rows(
        "SELECT medido_em FROM quarentena WHERE paciente = %s AND motivo = 'out_of_range' LIMIT 1",
        PATIENT,
    )[0][0]
    at = mark.replace(tzinfo=UTC).timestamp() * 1000
    chart = page.evaluate(CHART_DATA, "glicose")
    box = over.bounding_box()
    x = box["width"] * (at - chart["from"]) / (chart["until"] - chart["from"])
    over.hover(position={"x": x, "y": 10})
    tip = page.locator(".strip[data-sensor='glicose'] .strip-tip")
    expect(tip).to_contain_text("5,000 rejected, outside the plausible range")


def test_a_chart_updates_while_it_shows_now(world, open_page):
    page = open_page(world, "#/patient/demo-000008?range=5min")
    page.wait_for_function("() => document.querySelector('.plot')?.chart?.data[0].length")
    before = chart_data(page, "frequencia_cardiaca")["data"][0][-1]
    page.wait_for_function(
        "before => document.querySelector('.plot').chart.data[0].at(-1) > before + 4000", arg=before
    )


def test_the_periods_are_links_and_the_past_does_not_move(world, open_page):
    page = open_page(world, "#/patient/demo-000008")
    expect(page.locator(".shown")).to_contain_text("Live")
    for label in ("1 h", "6 h", "1 d", "7 d"):
        page.get_by_role("link", name=label, exact=True).click()
        expect(page.locator(".range[aria-current]")).to_have_text(label)
        expect(page.locator(".strip .uplot").first).to_be_visible()
    page.get_by_role("link", name="5 min", exact=True).click()
    # the links of the period before would be replaced under the mouse
    expect(page.locator(".range[aria-current]")).to_have_text("5 min")
    page.get_by_role("link", name="Earlier").click()
    expect(page.locator(".shown")).to_contain_text("Past")
    until = int(re.search(r"until=(\d+)", page.url)[1])
    assert until < datetime.now(UTC).timestamp() * 1000 - 100_000
    page.get_by_role("link", name="Now", exact=True).click()
    expect(page.locator(".shown")).to_contain_text("Live")


def test_an_unknown_patient_is_reported(world, open_page):
    page = open_page(world, "#/patient/nobody")
    expect(page.get_by_role("alert")).to_contain_text("No patient has the id nobody.")


def test_cards_that_cannot_be_loaded_say_so(world, open_page):
    page = open_page(world, "#/patient/demo-000008")
    expect(page.locator(".strip .uplot").first).to_be_visible()
    page.context.set_offline(True)
    old = page.locator(".card", has_text="Could not be loaded again; shown as of")
    expect(old).to_have_count(len(sensors()) + 2)
    page.evaluate("() => { location.hash = '#/patient/demo-000001'; }")
    empty = page.locator(".card", has_text=re.compile(r"Could not be loaded\.$"))
    expect(empty).to_have_count(len(sensors()) + 2)
    page.context.set_offline(False)
    expect(page.locator(".card-trouble:visible")).to_have_count(0)


def test_a_charts_height_shows_at_least_what_its_sensor_says(world, open_page):
    page = open_page(world, "#/patient/demo-000008")
    wait_for_charts(page)
    for sensor in sensors():
        low, high = page.evaluate(
            "code => { const { y } = document.querySelector(`.strip[data-sensor='${code}'] .plot`)"
            ".chart.scales; return [y.min, y.max]; }",
            sensor.code,
        )
        assert high - low >= 0.999 * sensor.chart_span
