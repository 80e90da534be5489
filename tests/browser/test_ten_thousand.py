"""Ten thousand patients on one page: the size of the DOM is asserted, times and memory are printed."""

import time

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.alone

PATIENTS = 10_000
WATCHED_MS = 20_000
MEASURE = """() => {
  window.longTasks = [];
  window.frames = [];
  new PerformanceObserver((list) => window.longTasks.push(...list.getEntries().map((entry) => entry.duration)))
    .observe({ type: 'longtask', buffered: true });
  let before = performance.now();
  const note = (now) => { window.frames.push(now - before); before = now; requestAnimationFrame(note); };
  requestAnimationFrame(note);
}"""


@pytest.fixture(scope="module")
def world(make_world):
    """Every patient sends a sample every ten seconds, so that every tile changes in every window."""
    made = make_world(patients=PATIENTS, window_ms=10_000, interval_ms=10_000)
    with made.running() as world:
        world.wait_for_windows(1)
        world.wait_for_no_lag()
        yield world


def test_ten_thousand_patients_are_shown_and_updated_with_few_tiles_in_the_dom(world, open_page):
    page = open_page(world, viewport={"width": 1920, "height": 1080})
    expect(page.locator(".tile").first).to_be_visible()
    page.wait_for_function(
        "() => document.querySelector('.count').textContent.startsWith('10,000')"
    )
    loaded_ms = page.evaluate(
        "() => performance.getEntriesByType('resource').find((entry) => entry.name.endsWith('/api/ward'))"
        ".responseEnd"
    )
    shown_ms = page.evaluate("() => performance.now()")
    assert page.locator(".tile").count() < 150
    page.evaluate(MEASURE)
    before = page.locator(".tile").first.inner_text()
    page.wait_for_timeout(WATCHED_MS)
    assert page.locator(".tile").first.inner_text() != before
    tasks, frames = page.evaluate("() => [window.longTasks, window.frames]")
    heap = page.evaluate("() => performance.memory.usedJSHeapSize") / 1e6
    print(
        f"\n{PATIENTS:,} patients: data loaded after {loaded_ms:,.0f} ms, shown by {shown_ms:,.0f} ms;"
        f" in {WATCHED_MS // 1000} s of updates {len(tasks)} tasks over 50 ms, the longest"
        f" {max(tasks, default=0):.0f} ms, the longest frame {max(frames):.0f} ms; heap {heap:.0f} MB"
    )
    assert len(frames) > 20

    page.locator(".tile-link[tabindex='0']").focus()
    started = time.monotonic()
    page.keyboard.press("End")
    expect(page.locator(".tile[aria-posinset='10000'] a")).to_be_focused()
    page.keyboard.press("Home")
    expect(page.locator(".tile[aria-posinset='1'] a")).to_be_focused()
    page.get_by_role("searchbox").fill("demo-009")
    expect(page.locator(".count")).to_have_text("1,000 of 10,000 patients")
    print(f"to the end, to the beginning, and a filter: {time.monotonic() - started:.2f} s")
    assert page.locator(".tile").count() < 150
