"""Statements that only read: for reconcile, explain, status and the monitor."""
