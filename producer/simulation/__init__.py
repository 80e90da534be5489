"""The seven sensor simulators: pure functions of (seed, patient, time), vectorised over patients."""

from producer.simulation.readings import Readings, SeriesKey, SimulatedSeries
from producer.simulation.simulator import Simulator

__all__ = ["Readings", "SeriesKey", "SimulatedSeries", "Simulator"]
