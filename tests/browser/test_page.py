"""The page as a whole: languages, colours, a phone, untrusted names, the views of the pipeline."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.pages import tile
from tests.services.checks import administer
from tests.waiting import wait_until

VIEWS = ("#/ward", "#/patient/demo-000001", "#/pipeline", "#/quarantine")
WHERE_IT_IS = {
    "#/ward": ".tile",
    "#/patient/demo-000001": ".strip .uplot",
    "#/pipeline": ".figure",
    "#/quarantine": ".reason",
}
EVIL = "<img src=x onerror=\"document.title='run'\"><b>Eva</b>"
EVIL_ID = "evil/<b> &amp;?#"
REORDERING = "Eva\u202e\x1b[2J\u2066 [/b]"


@pytest.fixture(scope="module")
def varied(world):
    """An entry is in quarantine, so that every view has something to show."""
    world.bedside.instead["demo-000009", "glicose"] = 5000.0
    world.wait_for_windows(2)
    world.bedside.instead.clear()
    wait_until(lambda: world.json("/api/quarantine")["reasons"], lambda: "the quarantine")
    return world


@pytest.mark.parametrize("view", VIEWS)
def test_a_phone_shows_every_view_without_scrolling_sideways(varied, open_page, view):
    page = open_page(varied, view, viewport={"width": 360, "height": 740}, has_touch=True)
    expect(page.locator(WHERE_IT_IS[view]).first).to_be_visible()
    width = page.evaluate("() => document.documentElement.scrollWidth")
    assert width <= 360


@pytest.mark.parametrize("view", VIEWS)
def test_every_text_has_enough_contrast_in_light_and_dark(varied, open_page, view):
    """WCAG 2: 4.5 to 1, for every visible text."""
    grounds = {}
    for scheme in ("light", "dark"):
        page = open_page(varied, view, color_scheme=scheme)
        expect(page.locator(WHERE_IT_IS[view]).first).to_be_visible()
        grounds[scheme] = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
        weak = page.evaluate(CONTRASTS)
        assert [text for text in weak if text["contrast"] < 4.5] == []
    assert grounds["light"] != grounds["dark"]


def test_the_colours_can_be_chosen_and_are_remembered(varied, open_page):
    page = open_page(varied, color_scheme="light")
    expect(page.locator(".tile").first).to_be_visible()
    ground = "() => getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_label("Colours").select_option("dark")
    dark = page.evaluate(ground)
    assert dark != light
    page.reload()
    expect(page.locator(".tile").first).to_be_visible()
    assert page.evaluate(ground) == dark


def test_the_browsers_language_is_used_and_another_choice_is_remembered(varied, open_page):
    page = open_page(varied, locale="pt-BR")
    expect(page.get_by_role("link", name="Enfermaria")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "pt-BR")
    expect(tile(page, "demo-000001")).to_contain_text("Em dia")
    temperature = tile(page, "demo-000001").locator("[data-sensor='temperatura_corporal'] .value")
    expect(temperature).to_have_text(re.compile(r"^\d\d,\d$"))
    page.get_by_role("button", name="EN", exact=True).click()
    expect(tile(page, "demo-000001")).to_contain_text("Fresh")
    expect(temperature).to_have_text(re.compile(r"^\d\d\.\d$"))
    page.reload()
    expect(page.get_by_role("link", name="Ward", exact=True)).to_be_visible()


@pytest.mark.parametrize(
    "file", ["static/js/sentence.js", "vendor/uplot.js", "static/base.css", "static/i18n/en.json"]
)
def test_a_page_that_lacks_one_of_its_files_loads_it_again(varied, open_page, file):
    """A browser drops what it is loading when a network of the machine comes or goes."""
    page = open_page(varied, "#/patient/demo-000001")
    dropped = []

    def drop(route):
        dropped.append(route.request.url)
        route.abort("failed")

    page.route(f"**/{file}", drop, times=1)
    page.reload()
    page.wait_for_function(
        "() => getComputedStyle(document.documentElement).getPropertyValue('--surface')"
    )
    expect(page.locator(".strip .uplot").first).to_be_visible()
    assert len(dropped) == 1


@pytest.mark.parametrize(
    ("locale", "text"),
    [("en-GB", "gives no clinical alarms"), ("pt-BR", "não emite alarmes clínicos")],
)
def test_every_view_says_that_it_gives_no_clinical_alarms(varied, open_page, locale, text):
    page = open_page(varied, locale=locale)
    for view in VIEWS:
        page.goto(f"{varied.url}/{view}")
        expect(page.locator("#top")).to_contain_text(text)


@pytest.mark.parametrize("language", ["en", "pt"])
@pytest.mark.parametrize("view", VIEWS)
def test_no_view_shows_the_key_of_a_text(varied, open_page, view, language):
    page = open_page(varied, view, locale="pt-BR" if language == "pt" else "en-GB")
    expect(page.locator(WHERE_IT_IS[view]).first).to_be_visible()
    keys = page.evaluate(
        "async () => Object.keys(await (await fetch('/static/i18n/en.json')).json())"
    )
    text = page.locator("body").inner_text()
    assert [key for key in keys if "." in key and key in text] == []
    assert not re.search(r"\{\w+\}|undefined|NaN|\[object", text)


def test_a_name_is_shown_as_text_even_if_it_is_html(varied, open_page):
    evil_name = EVIL.replace("'", "''")
    administer(
        varied.pipeline,
        f"INSERT INTO paciente (identificador, nome) VALUES ('{EVIL_ID}', '{evil_name}')",
        "INSERT INTO paciente_sensor (paciente_id, sensor_id, ativo_desde)"
        " SELECT p.id, s.id, '2000-01-01' FROM paciente p, sensor s"
        f" WHERE p.identificador = '{EVIL_ID}'",
        "COMMIT",
    )
    page = open_page(varied)
    shown = page.locator(".tile-name", has_text="onerror")
    expect(shown).to_have_text(EVIL)
    with page.expect_response("**/api/patient/**") as asked:
        page.locator(".tile", has_text="onerror").locator("a").click()
    assert asked.value.status == 200
    expect(page.locator("h1")).to_have_text(f"{EVIL} · {EVIL_ID}")
    assert page.locator("main img, main b").count() == 0
    assert "run" not in page.title().split()


def test_a_name_cannot_reorder_or_hide_what_is_around_it(varied, open_page):
    administer(
        varied.pipeline,
        f"INSERT INTO paciente (identificador, nome) VALUES ('reordering', '{REORDERING}')",
        "INSERT INTO paciente_sensor (paciente_id, sensor_id, ativo_desde)"
        " SELECT p.id, s.id, '2000-01-01' FROM paciente p, sensor s"
        " WHERE p.identificador = 'reordering'",
        "COMMIT",
    )
    page = open_page(varied)
    expect(page.locator(".tile[data-patient='reordering'] .tile-name")).to_have_text(
        r"Eva\u202e\u001b[2J\u2066 [/b]"
    )


def test_the_pipeline_shows_what_the_ledger_counts(varied, open_page):
    page = open_page(varied, "#/pipeline")
    for part in ("database", "broker", "consumer"):
        expect(page.locator(f"#part-{part}")).to_contain_text("answers")
    expect(page.locator("#chart-accepted .uplot")).to_be_visible()
    expect(page.locator("#chart-duration .uplot")).to_be_visible()
    expect(page.locator("#chart-quarantined .u-legend")).to_contain_text(
        "outside the plausible range"
    )
    expect(page.locator("#list-partitions tbody tr")).to_have_count(4)
    with varied.bedside.paused():
        varied.wait_for_no_lag()
        accepted, messages = varied.rows(
            "SELECT CAST(SUM(aceitas - sem_mapeamento) AS SIGNED), CAST(SUM(mensagens) AS SIGNED)"
            " FROM livro_razao"
        )[0]
        expect(page.locator("#figure-accepted .figure-value")).to_have_text(f"{accepted:,}")
        expect(page.locator("#figure-messages .figure-value")).to_have_text(f"{messages:,}")
        expect(page.locator("#figure-lag .figure-value")).to_have_text("0")


def test_the_quarantine_shows_reasons_with_counts_and_samples(varied, open_page):
    page = open_page(varied, "#/quarantine?reason=out_of_range")
    reason = page.locator(".reason[data-reason='out_of_range']")
    expect(reason).to_have_attribute("aria-current", "true")
    [(count,)] = varied.rows("SELECT COUNT(*) FROM quarentena WHERE motivo = 'out_of_range'")
    expect(reason.locator("strong")).to_have_text(f"{count:,}")
    row = page.locator("#samples tbody tr").first
    expect(row).to_contain_text("demo-000009")
    expect(row).to_contain_text("glicose")
    expect(row).to_contain_text("5,000")


def test_every_control_has_an_accessible_name(varied, open_page):
    for view in VIEWS:
        page = open_page(varied, view)
        expect(page.locator(WHERE_IT_IS[view]).first).to_be_visible()
        nameless = page.evaluate(
            "() => [...document.querySelectorAll('a, button, select, input, summary, section')]"
            ".filter((node) => node.checkVisibility() && !node.ariaLabel && !node.textContent.trim()"
            " && !node.labels?.length).map((node) => node.outerHTML)"
        )
        assert nameless == [], json.dumps(nameless)


CONTRASTS = """() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const part = (v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const groundOf = (node) => {
    for (let box = node; box; box = box.parentElement) {
      const color = parse(getComputedStyle(box).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const node of document.body.querySelectorAll('*')) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    if (!own || !node.checkVisibility() || node.tagName === 'OPTION') continue;
    const [one, other] = [parse(getComputedStyle(node).color), groundOf(node)].map(light);
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    found.push({ text: node.textContent.slice(0, 40), of: node.className, contrast });
  }
  return found;
}"""
