"""Bills of materials, the audit and its database, and what counts as an answer."""

import json
import sys
import sysconfig
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import distribution
from pathlib import Path

import pytest

from ops.supply.audit import audit, main
from ops.supply.components import debian_packages, jars, listed_jars, python_packages, runtimes
from ops.supply.sbom import document

PYSPARK = Path(str(distribution("pyspark").locate_file("pyspark/jars")))


@pytest.fixture(scope="module")
def validator():
    # importing it parses 38 grammars (3 s), and every worker imports this file to collect it
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    return JsonStrictValidator(SchemaVersion.V1_6)


def test_a_bill_of_materials_is_valid_and_the_same_each_time(tmp_path, validator):
    status = tmp_path / "status"
    status.write_text(
        "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.41-12+x\n\n"
        "Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n"
    )
    (tmp_path / "java").mkdir()
    (tmp_path / "java" / "release").write_text('JAVA_VERSION="21.0.13"\nMODULES="java.base"\n')
    parts = [
        *debian_packages(status),
        *runtimes(tmp_path),
        *python_packages(Path(sysconfig.get_path("purelib"))),
        *jars(PYSPARK),
    ]
    bill = document("consumer", iter(parts))
    assert validator.validate_str(json.dumps(bill)) is None
    assert bill == document("consumer", iter(parts[::-1]))
    purls = {part["purl"] for part in bill["components"]}
    assert "pkg:deb/debian/libc6@2.41-12%2Bx?arch=amd64" in purls
    assert not [purl for purl in purls if "gone" in purl]
    assert {"pkg:generic/openjdk@21.0.13", "pkg:maven/org.lz4/lz4-java@1.8.0"} <= purls
    assert {"pkg:pypi/pyspark@4.1.1", "pkg:maven/com.google.guava/guava@33.4.8-jre"} <= purls


def test_the_validator_refuses_what_is_no_bill_of_materials(validator):
    wrong = json.dumps(document("consumer", listed_jars())).replace('"SHA-256"', '"SHA-257"')
    assert validator.validate_str(wrong) is not None


def test_a_jar_is_named_by_our_list_by_its_own_words_or_by_its_file_name(tmp_path):
    assert [jar.purl for jar in listed_jars() if jar.name == "kafka-clients"] == [
        "pkg:maven/org.apache.kafka/kafka-clients@4.4.0",
        "pkg:maven/org.apache.kafka/kafka-clients@3.9.1",
    ]
    found = {jar.name: jar.purl for jar in jars(PYSPARK)}
    assert found["log4j-1.2-api"].startswith("pkg:maven/org.apache.logging.log4j/log4j-1.2-api@2.")
    assert found["zstd-jni"].startswith("pkg:maven/com.github.luben/zstd-jni@1.5.7-")
    assert found["netty-transport-native-epoll"].startswith("pkg:maven/io.netty/")


@contextmanager
def database(vulnerable, *, refused=()):
    """An advisory database that knows one flaw of each of these, by purl or by package name."""

    def found(asked):
        return {"vulns": [advisory(asked)]} if asked in vulnerable else {}

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self):
            said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path in refused:
                self.send_error(503)
                return
            if self.path == "/querybatch":
                purls = [query["package"]["purl"] for query in said["queries"]]
                answer = {"results": [found(purl) for purl in purls]}
            else:
                answer = found(said["package"]["name"])
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def advisory(name):
    package = {"ecosystem": "PyPI", "name": name}
    return {"id": f"TEST-{name[-5:]}", "summary": "a flaw", "affected": [{"package": package}]}


def test_what_the_database_knows_fails_the_audit(capsys):
    with database({"pkg:maven/org.lz4/lz4-java@1.8.0", "structlog"}) as address:
        assert audit(address) == 1
    printed = capsys.readouterr().out
    assert "TEST-1.8.0  pkg:maven/org.lz4/lz4-java@1.8.0" in printed
    assert "TEST-ctlog  pkg:pypi/structlog@" in printed
    assert "2 known vulnerabilities" in printed


def test_nothing_known_is_a_pass(capsys):
    with database(()) as address:
        assert audit(address) == 0
    assert "0 known vulnerabilities" in capsys.readouterr().out


@pytest.mark.parametrize("refused", ["/querybatch", "/query"])
def test_a_database_that_does_not_answer_is_not_a_pass(refused, capsys, monkeypatch):
    with database((), refused=(refused,)) as address:
        monkeypatch.setattr(sys, "argv", ["audit", "--database", address])
        assert main() == 3
    assert "NOTHING WAS AUDITED" in capsys.readouterr().err
