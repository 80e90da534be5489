"""Statements of repair, resend and the monitor that correct what the tables say."""
