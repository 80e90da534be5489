"""Who the patients are: what the simulator holds fixed for each of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from functools import lru_cache

import numpy as np

from common.arrays import Floats, Ints, Mask
from common.demo_patients import birth_dates
from producer.simulation.randomness import Keys, once, patient_keys

# a fixed day: with the day of the window a patient would change overnight
_AGE_ON = date(2026, 1, 1)
_DAYS_PER_YEAR = 365.25
_CHILDHOOD_YEARS = 14
_RESPIRATORY_SHARE = 0.12

# by age in years, in round numbers
_AGES = (0, 5, 10, 18, 40, 60, 80, 95)
_RESTING_RATES = (125, 98, 84, 72, 70, 70, 71, 72)
_SYSTOLIC = (80, 95, 103, 115, 119, 127, 134, 136)
_DIASTOLIC = (50, 58, 64, 72, 78, 78, 74, 70)


class Condition(IntEnum):
    """The one long illness that colours a patient's readings."""

    NONE = 0
    RESPIRATORY = 1
    HYPERTENSIVE = 2
    DIABETIC = 3


class Scenario(IntEnum):
    """How much a patient moves."""

    DEFAULT = 0
    SEDENTARY = 1
    WALKING = 2


@dataclass(frozen=True)
class PatientProfile:
    """One entry per patient in every array; hours are local, of the day."""

    keys: Keys
    age_years: Floats
    condition: Ints
    scenario: Ints
    resting_rate: Floats
    highest_rate: Floats
    systolic: Floats
    diastolic: Floats
    saturation: Floats
    temperature: Floats
    glucose: Floats
    meal_rise: Floats
    meal_hours: Floats
    """Breakfast, lunch and dinner; shape (patients, 3)."""
    skin_moisture: Floats
    bed_hour: Floats
    sleep_hours: Floats
    fever_chance: Floats
    """The probability of a fever within one slot of ``scene.FEVER_SLOT_MS``."""
    cadence_hz: Floats

    def has(self, condition: Condition) -> Mask:
        """True for the patients of that condition."""
        mask: Mask = self.condition == condition
        return mask


@lru_cache(maxsize=64)
def profile_of(seed: int, patient_ids: tuple[str, ...]) -> PatientProfile:
    """The patients' profiles, the same for the same seed and id in any group of patients.

    The highest rate is Tanaka's 208 - 0.7 age (2001). Respiratory patients sit near 92 %, the upper
    end of the target range for those with chronic lung disease (BTS guideline, 2017).
    """
    keys = patient_keys(patient_ids)

    def between(lower: float, upper: float, stream: str) -> Floats:
        return lower + (upper - lower) * once(seed, keys, f"profile:{stream}")

    def by_age(levels: tuple[int, ...]) -> Floats:
        return np.interp(age, _AGES, levels)

    age = _ages(seed, patient_ids)
    condition = _conditions(age, once(seed, keys, "profile:condition"))
    is_tense = condition == Condition.HYPERTENSIVE
    is_respiratory = condition == Condition.RESPIRATORY
    is_diabetic = condition == Condition.DIABETIC
    return _read_only(
        PatientProfile(
            keys=keys,
            age_years=age,
            condition=condition,
            scenario=_scenarios(age, once(seed, keys, "profile:scenario")),
            resting_rate=by_age(_RESTING_RATES) + between(-9, 9, "rate"),
            highest_rate=208.0 - 0.7 * age,
            systolic=by_age(_SYSTOLIC) + between(-8, 8, "systolic") + 24 * is_tense,
            diastolic=by_age(_DIASTOLIC) + between(-5, 5, "diastolic") + 12 * is_tense,
            saturation=np.where(
                is_respiratory, between(91.5, 93.5, "lung"), between(97.0, 98.6, "o2")
            ),
            temperature=between(36.3, 36.8, "temperature"),
            glucose=np.where(is_diabetic, between(115, 165, "sugar"), between(80, 96, "glucose")),
            meal_rise=np.where(is_diabetic, between(70, 120, "peak"), between(25, 50, "meal")),
            meal_hours=_meal_hours(seed, keys),
            skin_moisture=between(35, 55, "skin"),
            bed_hour=between(21.5, 24.0, "bed"),
            sleep_hours=between(6.5, 8.5, "sleep") + np.where(age < _CHILDHOOD_YEARS, 1.5, 0.0),
            fever_chance=between(0.02, 0.06, "fever") + 0.04 * is_respiratory,
            cadence_hz=between(1.6, 2.1, "cadence"),
        )
    )


def _read_only(profile: PatientProfile) -> PatientProfile:
    # the cache hands the same arrays to every caller
    for array in vars(profile).values():
        array.flags.writeable = False
    return profile


def _ages(seed: int, patient_ids: Sequence[str]) -> Floats:
    days = [(_AGE_ON - born).days for born in birth_dates(seed, patient_ids)]
    return np.array(days, dtype=np.float64) / _DAYS_PER_YEAR


def _conditions(age: Floats, draw: Floats) -> Ints:
    # high pressure and diabetes come with the years
    elderly = np.clip((age - 20.0) / 60.0, 0.0, 1.0)
    hypertensive = _RESPIRATORY_SHARE + 0.02 + 0.30 * elderly
    diabetic = hypertensive + 0.03 + 0.12 * elderly
    return np.select(
        [draw < _RESPIRATORY_SHARE, draw < hypertensive, draw < diabetic],
        [int(Condition.RESPIRATORY), int(Condition.HYPERTENSIVE), int(Condition.DIABETIC)],
        int(Condition.NONE),
    ).astype(np.int64)


def _scenarios(age: Floats, draw: Floats) -> Ints:
    sedentary = 0.15 + 0.35 * np.clip((age - 50.0) / 40.0, 0.0, 1.0)
    return np.select(
        [draw < sedentary, draw < sedentary + 0.25],
        [int(Scenario.SEDENTARY), int(Scenario.WALKING)],
        int(Scenario.DEFAULT),
    ).astype(np.int64)


def _meal_hours(seed: int, keys: Keys) -> Floats:
    usual = np.array([7.5, 12.5, 19.25])
    shifts = np.stack([once(seed, keys, f"profile:meal:{number}") for number in range(3)], axis=1)
    return usual + (shifts - 0.5) * 1.2
