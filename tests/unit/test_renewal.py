"""A password that changes in its file reaches whoever uses it, without a restart."""

import pickle
import threading

from common.broker.renewal import LoginWatch, renewed
from common.secret import PlacedSecret, read_secret
from common.settings import KafkaSettings
from ops.credentials.files import replace_secret
from tests.waiting import wait_until


class Client:
    """Notes what it is told."""

    def __init__(self):
        self.told = []

    def set_sasl_credentials(self, user, password):
        self.told.append((user, password))


def settings(path):
    return KafkaSettings(
        kafka_bootstrap_servers="x:1",
        kafka_security_protocol="SASL_SSL",
        kafka_sasl_username="producer",
        kafka_sasl_password=read_secret(path),
    )


def test_a_secret_in_a_file_is_read_again_at_each_use(tmp_path):
    path = tmp_path / "password"
    path.write_text("old")
    secret = read_secret(path)
    path.write_text("new\n")
    assert secret.get_secret_value() == "new"
    assert pickle.loads(pickle.dumps(secret)).get_secret_value() == "new"  # noqa: S301
    path.write_text("")
    assert isinstance(secret, PlacedSecret)
    assert secret.get_secret_value() == "old"
    path.unlink()
    assert secret.get_secret_value() == "old"


def test_a_watch_tells_each_change_once(tmp_path):
    path = tmp_path / "password"
    path.write_text("old")
    watch = LoginWatch(settings(path))
    assert watch.change() is None
    path.write_text("")
    assert watch.change() is None
    path.write_text("new")
    assert [watch.change(), watch.change()] == ["new", None]


def test_every_living_client_is_told(tmp_path):
    path = tmp_path / "password"
    path.write_text("old")
    clients = [renewed(Client(), settings(path)) for _ in range(3)]
    gone = clients.pop()
    told = gone.told
    del gone
    path.write_text("new")
    wait_until(lambda: all(client.told for client in clients), lambda: [c.told for c in clients])
    assert [client.told for client in clients] == [[("producer", "new")]] * 2
    assert not told


def test_a_mounted_file_is_overwritten_in_its_place_and_keeps_its_mode(tmp_path):
    """A container keeps the file that it was started with."""
    path = tmp_path / "password"
    path.write_bytes(b"a longer one than the next")
    path.chmod(0o444)
    with path.open("rb") as mounted:
        replace_secret(path, b"new")
        assert mounted.read() == b"new"
    assert path.stat().st_mode & 0o777 == 0o444


def test_a_reader_never_sees_half_of_a_password(tmp_path):
    path = tmp_path / "password"
    passwords = [letter * 32 for letter in "abc"]
    path.write_text(passwords[0])
    seen, over = set(), threading.Event()

    def read():
        while not over.is_set():
            seen.add(path.read_text())

    reading = threading.Thread(target=read)
    reading.start()
    for _ in range(300):
        for password in passwords:
            replace_secret(path, password.encode())
    over.set()
    reading.join()
    assert seen <= set(passwords)
