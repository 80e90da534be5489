"""A flame graph of the thread that plans the consumer's micro-batches, from a recording of Java's flight recorder.

To record one, run the consumer with these in `JAVA_TOOL_OPTIONS`: ``-XX:StartFlightRecording=filename=FOLDER/,settings=profile``
and ``-XX:FlightRecorderOptions=stackdepth=512``. Each JVM leaves a file of its own in FOLDER, which must exist.
"""

import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.plots import use_svg, write_svg
from common.errors import ConfigurationError

Stack = tuple[str, ...]
"""From the outermost call to the innermost, as `Class.method`."""

FLAME = "flame.svg"
"""The picture's file name, beside the page's plots."""

_THREAD = "stream execution thread for vitals"
# what the JVM does for its start, until its code is compiled
_WARM_UP = 0.3
_PLUMBING = re.compile(r"scala\.|java\.|jdk\.|.*\$\$anon|.*\$Lambda")
_MADE_BY_SCALA = re.compile(r".*\$\$(?!anonfun)|\$?\$anonfun\$|\$adapted|\$\d+|\$lzycompute|\$$")
_SHOWN = 0.01
"""The least share of all samples that is drawn."""
_CHARACTERS_WIDE = 165
_COLORS = ("#f3d9a4", "#efc98a", "#e9b872", "#f0cf98")


@dataclass
class Call:
    """A node of the graph: how many samples are in it, and in what it calls."""

    name: str
    samples: int = 0
    calls: dict[str, "Call"] = field(default_factory=dict)


def read_stacks(recording: Path) -> Counter[Stack]:
    """The stacks of the query's thread with the number of their samples, once it is warm.

    Raises ConfigurationError if the recording has none, or if `jfr`, which only a JDK has, is not installed.
    """
    command = [
        "jfr",
        "print",
        "--json",
        "--stack-depth",
        "512",
        "--events",
        "jdk.ExecutionSample",
        str(recording),
    ]
    try:
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise ConfigurationError(
            f"cannot read {recording}: {error}", hint="`jfr` comes with a JDK; a JRE has none"
        ) from error
    events = [event["values"] for event in json.loads(printed)["recording"]["events"]]
    mine = [one for one in events if (one["sampledThread"]["javaName"] or "").startswith(_THREAD)]
    mine.sort(key=lambda one: one["startTime"])
    found = Counter(map(_stack, mine[int(len(mine) * _WARM_UP) :]))
    if not found:
        raise ConfigurationError(
            f"{recording} has no sample of the query's thread",
            hint="record a consumer that reads messages for a minute or more",
        )
    return found


def _stack(event: dict[str, Any]) -> Stack:
    names: list[str] = []
    for frame in reversed(event["stackTrace"]["frames"]):
        kind = frame["method"]["type"]["name"].replace("/", ".")
        if _PLUMBING.match(kind):
            continue
        name = f"{kind.rpartition('.')[2].rstrip('$')}.{_MADE_BY_SCALA.sub('', frame['method']['name'])}"
        if not names or names[-1] != name:
            names.append(name)
    return tuple(names)


def as_tree(stacks: Counter[Stack]) -> Call:
    """The calls below one root; those with the most samples first."""
    root = Call("all", stacks.total())
    for stack, samples in stacks.most_common():
        node = root
        for name in stack:
            node = node.calls.setdefault(name, Call(name))
            node.samples += samples
    return root


def draw_flame(stacks: Counter[Stack], path: Path) -> None:
    """Writes an SVG: the outermost call at the bottom, as wide as its share of the samples."""
    from matplotlib.figure import Figure

    use_svg(font_size=5)
    root = as_tree(stacks)
    boxes = list(_boxes(root.calls.values(), 0, 0, root.samples * _SHOWN))
    height = 1 + max(level for level, *_ in boxes)
    figure = Figure(figsize=(9, 0.4 + height * 0.115), layout="constrained")
    axes = figure.add_subplot()
    for level, left, call in boxes:
        color = _COLORS[len(call.name) % len(_COLORS)]
        axes.barh(level, call.samples, 0.94, left, color=color, edgecolor="white", linewidth=0.3)
        room = int(_CHARACTERS_WIDE * call.samples / root.samples)
        if room > 4:  # noqa: PLR2004 - less says nothing
            shown = call.name if len(call.name) <= room else f"{call.name[: room - 1]}…"
            axes.text(left + root.samples * 0.002, level, shown, va="center", clip_on=True)
    axes.set_xlim(0, root.samples)
    axes.set_ylim(-0.6, height - 0.4)
    axes.set_yticks([])
    axes.set_xticks([])
    axes.spines[:].set_visible(False)
    axes.set_xlabel(f"{root.samples:,} samples")
    write_svg(figure, path)


def _boxes(
    calls: Iterable[Call], level: int, left: int, least: float
) -> Iterable[tuple[int, int, Call]]:
    for call in sorted(calls, key=lambda call: call.name):
        if call.samples >= least:
            yield level, left, call
            yield from _boxes(call.calls.values(), level + 1, left, least)
        left += call.samples
