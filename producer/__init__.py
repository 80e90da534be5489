"""Simulation or replay of sensors, the raw archive, and publishing."""
