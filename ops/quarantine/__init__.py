"""Resends quarantine entries through the topic, with the same cleaning as everything else."""

from ops.quarantine.plan import ResendPlan, show_plan
from ops.quarantine.resend import ResendReport, resend_entries

__all__ = ["ResendPlan", "ResendReport", "resend_entries", "show_plan"]
