"""Replay of real readings from a file, each with its own time."""

from producer.replay.play import ReplayPlan, ReplayReport, preview_file, replay_file

__all__ = ["ReplayPlan", "ReplayReport", "preview_file", "replay_file"]
