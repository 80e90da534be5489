"""Retakes the pictures in docs/monitor: python -m tests.browser.screenshots (three minutes)."""

import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from ops.stack.ports import LOOPBACK
from tests.browser.chromium import CACHE, find_or_bring
from tests.embedded_stack import embedded_stack
from tests.loopback import free_port
from tests.signing_in import new_person, signed_in

PICTURES = Path(__file__).parents[2] / "docs" / "monitor"
MOST_BYTES = 200_000
SIZE = {"width": 1280, "height": 740}
SECONDS_BEFORE = 120
# name, view, colours, element to wait for
SHOTS = (
    ("ward", "#/ward", "light", ".tile.is-fresh"),
    ("patient", "#/patient/demo-000007?range=5min", "dark", ".strip .uplot"),
    ("pipeline", "#/pipeline", "light", "#chart-accepted .uplot"),
)


@contextmanager
def running(folder):
    """`vitals up` with some faulty readings; yields its page's port and people."""
    port = free_port()
    stack = embedded_stack(
        folder,
        CACHE,
        VITALS_MONITOR_PORT=str(port),
        FAULT_SHARE="0.002",
        SILENT_SENSORS="demo-000014:glicose",
        GENERATION_INTERVAL_SECONDS="5",
    )
    with stack.running("--producers", 2, "--patients", 60):
        yield port, stack.home / "people.json"


def take(port, people):
    PICTURES.mkdir(exist_ok=True)
    url = f"http://{LOOPBACK}:{port}/"
    cookie = signed_in(port, new_person(people))["Cookie"].partition("=")
    with sync_playwright() as playwright:
        # grey antialiasing: half the colours, two thirds of the bytes
        browser = playwright.chromium.launch(
            executable_path=find_or_bring(CACHE, print), args=["--disable-lcd-text"]
        )
        for name, view, scheme, there in SHOTS:
            page = browser.new_page(viewport=SIZE, color_scheme=scheme, locale="en-GB")
            page.context.add_cookies([{"name": cookie[0], "value": cookie[2], "url": url}])
            page.goto(url + view)
            expect(page.locator(there).first).to_be_visible(timeout=60_000)
            page.wait_for_timeout(2_000)
            path = PICTURES / f"{name}-{scheme}.png"
            page.screenshot(path=path)
            size = path.stat().st_size
            print(f"{path.name}: {size:,} bytes")
            assert size < MOST_BYTES, f"{path} is too large for the repository"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name, running(Path(name)) as page_of:
        print(f"waiting {SECONDS_BEFORE} s, so that the charts have something to show")
        time.sleep(SECONDS_BEFORE)
        take(*page_of)
