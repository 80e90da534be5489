"""Structured logs: an event name and its fields per line. Set up only in ``__main__`` modules.

Never in a log: a vital value, a patient's name, a payload, a secret.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import stamina.instrumentation
import structlog

from common.output import plain, say_exception
from common.settings import LogSettings


def configure(settings: LogSettings, *, service: str) -> None:
    """Sends every log line, including those of libraries, to standard error in one format."""
    level = getattr(logging, settings.log_level.upper())

    def with_service(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Any:
        return {"service": service, **event}

    shared: list[Any] = [
        with_service,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    # JSON's own escapes leave nothing but ASCII
    last: list[Any] = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    if settings.log_format == "console":
        # a traceback drawn by rich would show local variables: readings, and passwords
        form = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
        last = [structlog.processors.format_exc_info, _plain_event, form]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # a line and its end in one write: Spark's workers write unbuffered, all to the same place
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    sys.excepthook = say_exception
    stamina.instrumentation.set_on_retry_hooks([_log_retry])


def _plain_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Any:
    """Every field as one printable line; only tracebacks keep theirs."""
    return {
        name: "\n".join(map(plain, value.split("\n")))
        if name in ("exception", "stack")
        else plain(value)
        if isinstance(value, str)
        else value
        for name, value in event.items()
    }


def _log_retry(details: stamina.instrumentation.RetryDetails) -> None:
    # stamina's own hook logs the arguments of the call, which may be readings of patients
    structlog.get_logger().warning(
        "retry_scheduled",
        operation=details.name,
        attempt=details.retry_num,
        again_in_s=round(details.wait_for, 2),
        error=f"{type(details.caused_by).__name__}: {details.caused_by}",
    )
