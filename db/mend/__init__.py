"""Statements with which repair, resend, discard and the monitor correct the tables."""
