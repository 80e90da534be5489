"""Logs: one format for our lines and the libraries', set up once, in a separate process."""

import json
import socket
import subprocess
import sys

PROGRAM = """
import logging, structlog
from common.log import configure
from common.settings import LogSettings
configure(LogSettings(log_format={form!r}, log_level={level!r}), service="consumer")
log = structlog.get_logger()
log.debug("detail", offset=1)
log.info("range_committed", partition=2, accepted=10)
logging.getLogger("kafka").info("chatter")
logging.getLogger("kafka").warning("broker %s is away", "b1")
try:
    1 / 0
except ZeroDivisionError:
    log.exception("batch_failed", partition=2)
"""

RETRIED = """
import stamina
from common.log import configure
from common.settings import LogSettings
configure(LogSettings(), service="consumer")
@stamina.retry(on=ValueError, attempts=2, wait_initial=0.01)
def write(readings, *, password):
    raise ValueError("the server is away")
try:
    write(["demo-000001", 37.2], password="secret")
except ValueError:
    pass
"""


def logged(form: str = "json", level: str = "info") -> str:
    return output_of(PROGRAM.format(form=form, level=level))


def output_of(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == ""  # standard output belongs to a command's answer
    return done.stderr


def test_each_line_is_one_json_object_with_service_level_and_utc_time():
    lines = [json.loads(line) for line in logged().splitlines()]
    assert [line["event"] for line in lines] == [
        *("range_committed", "broker b1 is away", "batch_failed")
    ]
    assert [line["level"] for line in lines] == ["info", "warning", "error"]
    assert all(line["service"] == "consumer" for line in lines)
    assert all(line["timestamp"].endswith("Z") for line in lines)
    assert (lines[0]["partition"], lines[0]["accepted"]) == (2, 10)
    assert "ZeroDivisionError" in lines[2]["exception"]


def test_the_level_decides_what_is_written():
    assert '"detail"' in logged(level="debug")
    assert [json.loads(line)["event"] for line in logged(level="error").splitlines()] == [
        "broker b1 is away",
        "batch_failed",
    ]


def test_the_console_form_is_for_eyes():
    text = logged(form="console")
    assert "range_committed" in text
    assert "partition=2" in text
    assert "ZeroDivisionError" in text
    assert "{" not in text.splitlines()[0]


def test_a_retry_is_logged_without_what_the_function_was_called_with():
    text = output_of(RETRIED)
    line = json.loads(text)
    assert (line["event"], line["operation"]) == ("retry_scheduled", "__main__.write")
    assert (line["attempt"], line["error"]) == (1, "ValueError: the server is away")
    assert "demo" not in text
    assert "37.2" not in text
    assert "secret" not in text


def test_a_line_and_its_end_are_one_write():
    """Else the lines of two of Spark's workers, which write unbuffered, end up in one."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        subprocess.run(
            [sys.executable, "-u", "-c", PROGRAM.format(form="json", level="info")],
            stderr=theirs,
            check=True,
        )
        theirs.close()
        writes = list(iter(lambda: ours.recv(100_000), b""))
    assert [json.loads(write)["event"] for write in writes if write.endswith(b"\n")] == [
        *("range_committed", "broker b1 is away", "batch_failed")
    ]
    assert len(writes) == 3
