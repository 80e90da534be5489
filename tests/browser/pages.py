"""Pages whose requests are recorded, and what tests read from them."""

from urllib.parse import urlsplit

from playwright.sync_api import expect

expect.set_options(timeout=60_000)


class Watched:
    """A page whose requests and errors are kept."""

    def __init__(self, context, url):
        self.context, self.origin = context, url
        self.requests, self.errors = [], []
        self.page = context.new_page()
        self.page.set_default_timeout(30_000)
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._note)

    def _note(self, message):
        # some tests refuse connections on purpose, which is logged too; a refused script is an error
        if message.type == "error" and "Content Security Policy" in message.text:
            self.errors.append(message.text)

    def close(self):
        self.context.close()
        assert self.errors == []
        assert self.requests
        foreign = {url for url in self.requests if not url.startswith(f"{self.origin}/")}
        # a picture embedded in the style sheet or the page makes no request
        assert {url for url in foreign if urlsplit(url).scheme != "data"} == set()


def sign_in(page, secret):
    page.get_by_label("Your secret").fill(secret)
    page.keyboard.press("Enter")


def tile(page, patient):
    return page.locator(f".tile[data-patient='{patient}']")


def vital(page, patient, sensor):
    return tile(page, patient).locator(f".vital[data-sensor='{sensor}']")


def alarm(page, code, subject=""):
    return page.locator(f".alarm[data-code='{code}'][data-subject='{subject}']")


CHART_DATA = """code => {
  const { chart } = document.querySelector(`.strip[data-sensor='${code}'] .plot`);
  return {
    from: chart.scales.x.min,
    until: chart.scales.x.max,
    data: chart.data.map((row) => [...row].map((value) => (value === undefined ? "other" : value))),
  };
}"""


def chart_data(page, sensor):
    """What uPlot holds: times, then lines; None is a gap, "other" a time of another line."""
    return page.evaluate(CHART_DATA, sensor)


def points(chart, line=1):
    """(time, value) of one line, without gaps."""
    times, values = chart["data"][0], chart["data"][line]
    return [(at, value) for at, value in zip(times, values, strict=True) if is_value(value)]


def segments(chart, line=1):
    """The times of one line, in pieces: a piece ends where the line does."""
    pieces = [[]]
    for at, value in zip(chart["data"][0], chart["data"][line], strict=True):
        if is_value(value):
            pieces[-1].append(at)
        elif value is None and pieces[-1]:
            pieces.append([])
    return [piece for piece in pieces if piece]


def is_value(value):
    return value is not None and value != "other"
