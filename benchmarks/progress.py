"""What is running, and how long it may still take by the time that each scenario has."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text


class _Left(ProgressColumn):
    """The time that is left in the plan."""

    def render(self, task: Task) -> Text:
        left = max((task.total or 0) - (task.elapsed or 0), 0)
        return Text(f"at most {int(left) // 60}:{int(left) % 60:02} left")


class Plan:
    """Scenarios with their budgets; one that ends early leaves its time to the next."""

    def __init__(
        self, progress: Progress, budgets: Mapping[str, float], names: Sequence[str]
    ) -> None:
        """Nothing runs yet."""
        self._progress = progress
        self._total = sum(budgets[name] for name in names)
        self._task = progress.add_task("starting", total=None)
        self._began = time.monotonic()

    def begin(self, name: str) -> None:
        """A scenario starts."""
        self._progress.update(self._task, total=self._total, description=name)

    def tell(self, what: str) -> None:
        """A step of it starts."""
        passed = time.monotonic() - self._began
        self._progress.update(self._task, description=what, completed=passed)
        if not self._progress.console.is_terminal:
            self._progress.console.print(f"{passed:6.0f} s  {what}")

    def end(self) -> None:
        """Everything is done."""
        self._progress.update(self._task, total=1, completed=1, description="done")


@contextmanager
def shown(console: Console, budgets: Mapping[str, float], names: Sequence[str]) -> Iterator[Plan]:
    """A bar while the block lasts; lines if the output is not a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), _Left())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        plan = Plan(progress, budgets, names)
        yield plan
        plan.end()
