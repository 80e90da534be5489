"""Entries of the quarantine, through the topic once more: the same cleaning as everything."""

from producer.requeue.plan import RequeuePlan, show_plan
from producer.requeue.run import RequeueReport, requeue

__all__ = ["RequeuePlan", "RequeueReport", "requeue", "show_plan"]
