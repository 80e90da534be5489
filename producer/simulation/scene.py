"""One window of some patients: the signals that all sensors share, so that the sensors agree.

A fever shows in temperature, heart rate, saturation and skin, because all of them read it here.
Slow signals are worked out on a grid of whole minutes and interpolated. The grid is absolute, so
no value depends on where a window begins or ends.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from common.arrays import Floats, Ints
from producer.simulation.profiles import PatientProfile, Scenario
from producer.simulation.randomness import normal, uniform
from producer.simulation.waves import drift, knots, plateau, swing

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
FEVER_SLOT_MS = 4 * DAY_MS
"""At most one fever starts in a slot, on its first day; it is over before the slot ends."""

_LOCAL_OFFSET_MS = -3 * HOUR_MS  # Sao Paulo, which has kept one time all year since 2019
_BOUT_MS = 5 * MINUTE_MS
_BOUT_SHARES = {Scenario.DEFAULT: 0.12, Scenario.SEDENTARY: 0.02, Scenario.WALKING: 0.5}


@dataclass(frozen=True)
class Scene:
    """Signals of shape (patients, grid) unless a name or a docstring says otherwise."""

    seed: int
    profile: PatientProfile
    times_ms: Ints

    @cached_property
    def grid_ms(self) -> Ints:
        """The whole minutes around the samples; shape (grid,)."""
        minute = self.times_ms // MINUTE_MS
        return np.unique(np.concatenate([minute, minute + 1])) * MINUTE_MS

    @cached_property
    def local_day(self) -> Ints:
        """The local day's number since 1970; shape (grid,)."""
        return (self.grid_ms + _LOCAL_OFFSET_MS) // DAY_MS

    @cached_property
    def local_hour(self) -> Floats:
        """Local hour of the day, 0 to 24; shape (grid,)."""
        return ((self.grid_ms + _LOCAL_OFFSET_MS) % DAY_MS) / HOUR_MS

    @cached_property
    def circadian(self) -> Floats:
        """The day's phase: +1 in the late afternoon, -1 twelve hours away; shape (1, grid)."""
        return swing((self.local_hour - 16.5) / 24.0)[None, :]

    @cached_property
    def sleep(self) -> Floats:
        """0 awake to 1 asleep."""
        since_bed = self.local_hour[None, :] - self.profile.bed_hour[:, None]
        since_bed = np.where(since_bed < 0.0, since_bed + 24.0, since_bed)
        return plateau(since_bed, rise=0.5, until=self.profile.sleep_hours[:, None], fall=0.5)

    @cached_property
    def activity(self) -> Floats:
        """Movement, 0 none to 1 a brisk walk: bouts of minutes, rare or frequent by scenario."""
        before, way = knots(self.grid_ms, _BOUT_MS)
        start = self._effort(before)
        awake = 1.0 - 0.95 * self.sleep
        return (start + (self._effort(before + 1) - start) * way) * awake

    @cached_property
    def activity_at_samples(self) -> Floats:
        """``activity`` of shape (patients, samples)."""
        return self.at_samples(self.activity)

    @cached_property
    def fever(self) -> Floats:
        """Degrees above the usual temperature; 0 for nearly everybody nearly always."""
        slot = self.grid_ms // FEVER_SLOT_MS
        is_ill = self._slot_draw("fever", slot) < self.profile.fever_chance[:, None]
        if not is_ill.any():
            return np.zeros(is_ill.shape)
        onset_hours = 24.0 * self._slot_draw("fever:onset", slot)
        lasting_hours = 24.0 + 36.0 * self._slot_draw("fever:lasting", slot)
        peak = 1.3 + 1.5 * self._slot_draw("fever:peak", slot)
        hours = (self.grid_ms - slot * FEVER_SLOT_MS) / HOUR_MS - onset_hours
        course = plateau(hours, rise=6.0, until=lasting_hours, fall=12.0)
        return is_ill * peak * course * (0.9 + 0.1 * self.circadian)

    def drift(self, stream: str, *, minutes: int) -> Floats:
        """Slow wandering of deviation below 1, with a knot every ``minutes``."""
        period_ms = minutes * MINUTE_MS
        return drift(self.seed, self.profile.keys, f"drift:{stream}", self.grid_ms, period_ms)

    def day_draw(self, stream: str) -> Floats:
        """Uniform numbers in [0, 1) that hold for a local day."""
        return uniform(self.seed, self.profile.keys, stream, self.local_day)

    def noise(self, stream: str) -> Floats:
        """A bell-shaped number for each sample; shape (patients, samples)."""
        return normal(self.seed, self.profile.keys, f"noise:{stream}", self.times_ms)

    def chance(self, stream: str) -> Floats:
        """A uniform number in [0, 1) for each sample; shape (patients, samples)."""
        return uniform(self.seed, self.profile.keys, f"chance:{stream}", self.times_ms)

    def at_samples(self, level: Floats) -> Floats:
        """A signal on the grid, interpolated to the samples; shape (patients, samples)."""
        step = level[:, 1:] - level[:, :-1]
        before, way = self._places
        if step.shape[1] == 1:
            # the window lies within one minute, so there is nothing to gather
            return level[:, :1] + step * way
        return level[:, before] + step[:, before] * way

    @cached_property
    def _places(self) -> tuple[Ints, Floats]:
        minute = self.times_ms // MINUTE_MS
        before = np.searchsorted(self.grid_ms, minute * MINUTE_MS)
        return before, (self.times_ms - minute * MINUTE_MS) / MINUTE_MS

    def _effort(self, bout: Ints) -> Floats:
        shares = np.array([_BOUT_SHARES[scenario] for scenario in Scenario])[self.profile.scenario]
        is_walking = self._slot_draw("bout", bout) < shares[:, None]
        strength = self._slot_draw("effort", bout)
        return np.where(is_walking, 0.6 + 0.4 * strength, 0.12 * strength)

    def _slot_draw(self, stream: str, slot: Ints) -> Floats:
        return uniform(self.seed, self.profile.keys, stream, slot)
