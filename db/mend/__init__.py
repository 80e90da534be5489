"""Statements with which repair, resend and the monitor correct the tables."""
