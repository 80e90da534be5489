"""The plots of the page: small SVG files, the same bytes for the same figures."""

from pathlib import Path
from statistics import median
from typing import Any

from common.errors import ConfigurationError

Document = dict[str, Any]
_SIZE = (7.0, 3.2)
_OURS, _OTHER = "#1b6ca8", "#b5bcc4"


def require_matplotlib() -> None:
    """Raises ConfigurationError if it is missing, before anything is measured."""
    try:
        import matplotlib as mpl  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise ConfigurationError(
            "matplotlib is not installed: the page has plots",
            hint="run `make bench`, which installs it; --only and --sides do not need it",
        ) from error


def use_svg(*, font_size: int) -> None:
    """From here on pictures are SVG, with text as text, and the same bytes for the same content."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "vitals", "svg.fonttype": "none", "font.size": font_size})


def write_svg(figure: Any, path: Path) -> None:
    """Writes a picture without its date, which would make the file differ each time."""
    figure.savefig(path, metadata={"Date": None})


def draw(document: Document, folder: Path) -> list[str]:
    """Writes the plots that this document has figures for; returns the names of their files."""
    use_svg(font_size=9)
    folder.mkdir(parents=True, exist_ok=True)
    plots = {"throughput.svg": _throughput, "latency.svg": _latency, "growth.svg": _growth}
    return [name for name, plot in plots.items() if plot(document, folder / name)]


def _throughput(document: Document, path: Path) -> bool:
    medians = {
        name: figures for name, figures in document["medians"].items() if "kafka" not in name
    }
    if not medians:
        return False
    figure, axes = _axes()
    names = sorted(medians, key=lambda name: medians[name]["median"])
    middle = [medians[name]["median"] for name in names]
    error = [
        [medians[name]["median"] - medians[name]["lowest"] for name in names],
        [medians[name]["highest"] - medians[name]["median"] for name in names],
    ]
    colors = [_OURS if name.startswith("ours") else _OTHER for name in names]
    axes.barh(names, middle, xerr=error, color=colors, ecolor="#444444", capsize=2)
    axes.set_xlabel("readings a second, median with lowest and highest")
    return _written(figure, path)


def _latency(document: Document, path: Path) -> bool:
    by_rate = {
        name: percentiles
        for name, percentiles in document["latency_ms"].items()
        if percentiles["p99"] is not None
    }
    if not by_rate:
        return False
    figure, axes = _axes()
    for key, marker in (("p50", "o"), ("p95", "s"), ("p99", "^")):
        values = [percentiles[key] for percentiles in by_rate.values()]
        axes.plot(values, list(by_rate), marker, color=_OURS, alpha=0.8, label=key)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlabel("ms from the window's end to the committed row")
    axes.legend(frameon=False)
    return _written(figure, path)


def _growth(document: Document, path: Path) -> bool:
    points = document.get("growth", {}).get("points", [])
    dimensions = [
        name
        for name in dict.fromkeys(point["dimension"] for point in points)
        if sum(1 for point in points if point["dimension"] == name and _rate(point)) > 1
    ]
    if not dimensions:
        return False
    figure, axes = _axes()
    for name in dimensions:
        mine = [point for point in points if point["dimension"] == name and _rate(point)]
        axes.plot([point["value"] for point in mine], list(map(_rate, mine)), "o-", label=name)
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_ylabel("readings a second")
    axes.legend(frameon=False)
    return _written(figure, path)


def _rate(point: Document) -> float | None:
    return median(point["rates"]) if point["rates"] else None


def _axes() -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE, layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _written(figure: Any, path: Path) -> bool:
    write_svg(figure, path)
    return True
