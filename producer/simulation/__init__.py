"""The simulated sensors: pure functions of (seed, patient, time), vectorised over patients."""

from producer.simulation.readings import Readings, SeriesKey, SimulatedSeries
from producer.simulation.simulator import Simulator, simulated_sensors

__all__ = ["Readings", "SeriesKey", "SimulatedSeries", "Simulator", "simulated_sensors"]
