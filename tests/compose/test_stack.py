"""`docker compose up` from a clean clone: it comes up, rows arrive, nothing leaks."""

import json
import re

import pytest

from db.connection import connect
from ops.credentials.compose import NAMES
from tests.compose.project import OURS
from tests.documents import CONTAINERS, blocks, text_of
from tests.oracle import Oracle
from tests.signing_in import signed_in
from tests.waiting import wait_until

LIMIT_S = 240


def test_a_clean_clone_is_healthy_in_time_and_rows_arrive(stack):
    """The images are built before; the limit is for a machine that has other work, too."""
    print(f"up took {stack.started_s:.0f} s")
    assert stack.started_s < LIMIT_S
    stack.wait_for_more(0)
    for service in ("kafka", "mysql", "producer", "consumer", "monitor"):
        (container,) = stack.containers(service)
        state = stack.inspect(container)["State"]
        assert state["Health"]["Status"] == "healthy", service
    (setup,) = stack.containers("setup", running=False)
    assert stack.inspect(setup)["State"]["ExitCode"] == 0


def test_the_monitor_page_asks_for_a_secret_and_shows_the_ward(stack):
    stack.wait_for_more(0)
    assert stack.page("/api/ward")[0] == 401
    added = stack.run("vitals", "--compose", "users", "add", "somebody", "--role", "engineer")
    session = signed_in(stack.monitor_port, added.stdout)

    def states():
        status, body = stack.page("/api/ward", session)
        assert status == 200
        return {tile[1] for tile in json.loads(body)["tiles"]}

    wait_until(lambda: states() == {0}, states)
    with connect(stack.database()) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT COUNT(*) FROM lacuna")
        cursor.fetchall()


def test_vitals_looks_into_the_stack_from_outside_and_from_a_container(stack):
    stack.wait_for_more(0)
    outside = stack.run("vitals", "--compose", "status", "--json")
    assert json.loads(outside.stdout)["accepted"] > 0
    tail = stack.run("vitals", "--compose", "tail", "--max", "2").stdout.splitlines()
    assert all(json.loads(line)["batch"]["series"] for line in tail)
    topics = stack.run("vitals", "--compose", "kafka", "topics", "--list").stdout.split()
    assert {"sensor-batches", "producer-shards"} <= set(topics)
    by_address = 'eval "$(vitals --compose env)"; vitals status --json'
    assert json.loads(stack.run("bash", "-euc", by_address).stdout)["running"]
    refused = stack.run("vitals", "--compose", "down", check=False)
    assert (refused.returncode, "docker compose down" in refused.stderr) == (2, True)


def test_the_console_tools_work_as_the_page_says(stack):
    stack.wait_for_more(0)
    listed = blocks(text_of(CONTAINERS), "sh")
    lines = [line for block in listed for line in block.splitlines() if "/opt/kafka/bin" in line]
    said = "".join(stack.run("bash", "-euc", line).stdout for line in lines)
    assert len(lines) == 5
    assert {"sensor-batches", "batch-id", "vitals-consumer"} <= set(re.findall(r"[\w-]+", said))


def test_a_file_of_this_machine_is_replayed_into_the_stack(stack, tmp_path):
    """The reader's account may not register patients: the command uses the migrator's for it."""
    path = tmp_path / "one reading.csv"
    path.write_text(
        "patient_id,timestamp,sensor,value,unit\np-17,2026-03-01T08:00:00Z,glicose,5.4,mmol/L\n"
    )
    path.chmod(0o644)
    replay = ("vitals", "--compose", "replay", str(path), "--register", "--start", "now")
    assert "1 readings published" in stack.run(*replay).stdout

    def signed_by_us():
        """Only what is authentic and accepted is there."""
        with connect(stack.database()) as connection:
            cursor = connection.cursor()
            cursor.execute("SELECT COUNT(*) FROM lote WHERE assinado_por LIKE 'operator-%'")
            return cursor.fetchone()[0]

    wait_until(lambda: signed_by_us() == 1, stack.logs)


def test_every_own_log_line_is_one_event(stack):
    """JSON, with an event and a time; the JVM's notice of its vector module is the one exception."""
    stack.wait_for_more(0)
    lines = stack.logs("producer", "consumer", "setup").splitlines()
    texts = [line.split("| ", 1)[1] for line in lines]
    others = [text for text in texts if not text.startswith("{")]
    assert set(others) <= {"WARNING: Using incubator modules: jdk.incubator.vector"}
    for text in filter(lambda line: line.startswith("{"), texts):
        assert {"event", "level", "timestamp", "service"} <= json.loads(text).keys()


def test_no_secret_is_in_images_containers_or_logs(stack):
    secrets = [stack.secret(name) for name in NAMES]
    assert all(len(secret) >= 24 for secret in secrets)
    assert len(set(secrets)) == len(secrets)
    # a file may hold several: keys by their id, the lines of a certificate
    words = {word for secret in secrets for word in secret.split() if len(word) >= 24}
    places = {"logs": stack.logs()}
    for service in ("kafka", "mysql", *OURS):
        (container,) = stack.containers(service, running=False)
        found = stack.inspect(container)
        places[f"inspect {service}"] = json.dumps(found)
        history = stack.run("docker", "history", "--no-trunc", found["Image"])
        image = stack.run("docker", "inspect", found["Image"])
        places[f"image {service}"] = history.stdout + image.stdout
    processes = stack.compose("top").stdout
    for place, text in (places | {"processes": processes}).items():
        assert not [word for word in words if word in text], place


@pytest.mark.parametrize("service", ["producer", "consumer", "kafka"])
def test_no_container_runs_as_root_or_may_become_it(stack, service):
    (container,) = stack.containers(service)
    host = stack.inspect(container)["HostConfig"]
    assert host["CapDrop"] == ["ALL"]
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert host["Memory"] > 0
    assert int(stack.compose("exec", "-T", service, "id", "-u").stdout) > 0
    status = stack.compose("exec", "-T", service, "cat", "/proc/1/status").stdout
    assert int(re.search(r"^Uid:\s+(\d+)", status, re.MULTILINE)[1]) > 0
    assert int(re.search(r"^CapEff:\s+(\w+)", status, re.MULTILINE)[1], 16) == 0


@pytest.mark.parametrize("service", ["producer", "consumer"])
@pytest.mark.parametrize("place", ["/app/x", "/packages/x", "/x", "/output/x", "/etc/x"])
def test_a_write_to_the_root_file_system_fails(stack, service, place):
    done = stack.compose("exec", "-T", "--user", "0", service, "touch", place, check=False)
    assert done.returncode != 0
    # a private folder refuses even root, which has no rights of its own there
    assert re.search("Read-only file system|Permission denied", done.stderr)


def test_mysql_drops_its_rights_before_it_serves(stack):
    status = stack.compose("exec", "-T", "mysql", "sh", "-c", "cat /proc/1/status").stdout
    assert int(re.search(r"^Uid:\s+(\d+)", status, re.MULTILINE)[1]) > 0


def test_ports_are_published_on_the_loopback_only(stack):
    for service in ("kafka", "mysql", "producer", "consumer", "monitor"):
        (container,) = stack.containers(service)
        ports = stack.inspect(container)["NetworkSettings"]["Ports"]
        hosts = [binding["HostIp"] for bound in ports.values() for binding in bound or ()]
        assert set(hosts) <= {"127.0.0.1"}
        assert bool(hosts) == (service in {"kafka", "mysql", "monitor"})


def test_parts_answer_with_their_metrics_inside_the_network_only(stack):
    """What Prometheus of the profile `observability` scrapes; no port of it is published (above)."""
    for asked, name in (("producer", "vitals_producer_info"), ("consumer", "vitals_consumer_lag")):
        get = f"exec 3<>/dev/tcp/{asked}/9100; printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3"
        found = stack.compose("exec", "-T", "consumer", "bash", "-c", get).stdout
        assert found.startswith("HTTP/1.0 200 OK")
        assert name in found


def test_the_producer_reaches_the_broker_and_not_the_database(stack):
    """Neither by its name nor by its address; in the database's network it would."""
    (producer,), (mysql,) = stack.containers("producer"), stack.containers("mysql")
    network = f"{stack.name}_database"
    address = stack.inspect(mysql)["NetworkSettings"]["Networks"][network]["IPAddress"]
    inside = ("docker", "exec", producer)
    assert reaches(stack, inside, "kafka", 9092)
    assert not reaches(stack, inside, "mysql", 3306)
    assert not reaches(stack, inside, address, 3306)
    stack.run("docker", "network", "connect", network, producer)
    try:
        assert reaches(stack, inside, "mysql", 3306)
        assert reaches(stack, inside, address, 3306)
    finally:
        stack.run("docker", "network", "disconnect", network, producer)


def test_where_prometheus_is_the_parts_answer_and_neither_broker_database_nor_page(stack):
    (image,) = {stack.inspect(container)["Image"] for container in stack.containers("monitor")}
    inside = ("docker", "run", "--rm", "--network", f"{stack.name}_observability", image)
    assert reaches(stack, inside, "producer", 9100)
    assert reaches(stack, inside, "consumer", 9100)
    for service, port in (("kafka", 9092), ("mysql", 3306), ("monitor", 8080)):
        (container,) = stack.containers(service)
        networks = stack.inspect(container)["NetworkSettings"]["Networks"]
        for address in (service, *(network["IPAddress"] for network in networks.values())):
            assert not reaches(stack, inside, address, port), (service, address)


def reaches(stack, inside, address, port):
    probe = ("timeout", "3", "bash", "-c", f"exec 3<>/dev/tcp/{address}/{port}")
    return stack.run(*inside, *probe, check=False).returncode == 0


def test_the_server_is_strict_in_utc_and_utf8mb4(stack):
    with connect(stack.database("root")) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "SELECT @@global.sql_mode, @@global.time_zone, @@global.character_set_server, VERSION()"
        )
        mode, zone, characters, version = cursor.fetchone()
    assert "STRICT_TRANS_TABLES" in mode
    assert (zone, characters, version[:4]) == ("+00:00", "utf8mb4", "9.7.")


def test_without_passwords_the_stack_says_which_file_is_missing(make_project):
    project = make_project()
    done = project.compose("up", "--detach", check=False)
    assert done.returncode != 0
    assert "db_root_password" in done.stderr


def test_a_proof_of_the_running_stack(stack):
    """What the archive says was produced is in the tables, and it is what the simulator makes."""
    oracle = Oracle(patients=100)
    before = stack.accepted()
    stack.wait_for_more(before + 20_000)
    proof = stack.prove()
    assert proof["accepted"] >= before + 20_000
    until = oracle.last_common_window(stack.database()) + oracle.window_ms
    assert oracle.assert_every_window_is_there_once(stack.database(), until_ms=until) >= 3
    stack.compose("start", "producer")


def test_the_one_shot_setup_runs_as_an_unprivileged_user_too(stack):
    (container,) = stack.containers("setup", running=False)
    assert stack.inspect(container)["Config"]["User"] == "10001:10001"


def test_an_executed_reset_of_the_offsets_loses_and_doubles_nothing(stack):
    """The page calls it safe: the ledger says where to continue, and the lag is right again."""
    stack.wait_for_more(0)
    (dry_run,) = (
        block for block in blocks(text_of(CONTAINERS), "sh") if "--reset-offsets" in block
    )
    stack.run("bash", "-euc", dry_run.replace("--dry-run", "--execute"))
    stack.wait_for_more(stack.accepted())

    def group_lag():
        answer = json.loads(stack.run("vitals", "--compose", "lag", "--json").stdout)
        return sum(
            partition["end"] - (partition["group"] or 0) for partition in answer["partitions"]
        )

    wait_until(lambda: group_lag() == 0)
    stack.prove()
    stack.compose("start", "producer")


def test_images_hold_no_password_file_no_compiler_and_no_cache(stack):
    files = stack.compose("run", "--rm", "--no-deps", "ops", "ls", "/app/ops").stdout.split()
    assert "cli" in files
    assert "secrets" not in files
    for service in ("producer", "consumer"):
        find = "command -v gcc javac; ls -d /root/.cache /var/lib/apt/lists/*_*"
        found = stack.compose("exec", "-T", service, "sh", "-c", find, check=False).stdout
        assert not found.strip(), service
