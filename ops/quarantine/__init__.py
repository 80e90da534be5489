"""Entries of the quarantine, through the topic once more: the same cleaning as everything."""

from ops.quarantine.plan import RequeuePlan, show_plan
from ops.quarantine.resend import RequeueReport, requeue

__all__ = ["RequeuePlan", "RequeueReport", "requeue", "show_plan"]
