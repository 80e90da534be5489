"""Entries of the quarantine, through the topic once more: the same cleaning as everything."""

from ops.quarantine.plan import ResendPlan, show_plan
from ops.quarantine.resend import ResendReport, resend_entries

__all__ = ["ResendPlan", "ResendReport", "resend_entries", "show_plan"]
