"""Attacks on the broker: from outside, by each login against everything that is not its own, and by a rogue."""

import re
import shutil
import ssl
import uuid

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from common.broker.addresses import addresses
from common.broker.clients import client_options
from common.broker.connection import connected, lets_us_in, refusal
from common.broker.principals import RESTRICTED, Principal
from common.broker.rights import give_rights
from common.broker.topics import cluster, create_topic
from common.errors import UnavailableError
from common.secret import PlacedSecret
from common.settings import KafkaSecurity, KafkaSettings, SaslMechanism, TopicSettings
from ops.cli.commands import setup
from ops.credentials.authority import ensure_authority, ensure_server_certificate
from ops.stack import KafkaBroker, create_topics
from tests.security.kafka_acts import Attacker, acts_on, make_groups
from tests.security.rogue import Rogue

MAY = {
    Principal.PRODUCER: {"write batches", "read shards", "commit for producers"},
    Principal.CONSUMER: {
        "read batches",
        "write dead letters",
        "commit for consumer",
        "commit for Spark",
    },
    Principal.READER: {"read batches", "read dead letters", "read shards"},
    Principal.GATEWAY: {"write batches"},
}
"""Written by hand, not taken from the table that grants it."""


class UnguardedBroker(KafkaBroker):
    """The same broker without the protection of rights, and with a listener without TLS and login."""

    def _properties(self):
        found = super()._properties()
        del found["authorizer.class.name"]
        return found


@pytest.fixture(scope="module")
def unguarded(jars, tmp_path_factory):
    broker = UnguardedBroker(tmp_path_factory.mktemp("unguarded"), jars, is_plain_too=True)
    broker.start()
    broker.wait_ready()
    yield broker
    broker.stop()


def with_own_names(settings):
    """The same login, with topics and groups of this test."""
    name = uuid.uuid4().hex[:12]
    names = ("kafka_topic", "kafka_dlq_topic", "kafka_shards_topic", "kafka_group")
    own = {field: f"{name}-{field}" for field in (*names, "kafka_producers_group")}
    return settings.model_copy(update=own)


def login_of(broker, principal, kafka):
    """A principal's login with the names of ``kafka``."""
    names = {name: value for name, value in kafka if name.endswith(("_topic", "_group"))}
    return broker.settings_of(principal).model_copy(update=names)


@pytest.fixture(scope="module")
def kafka(broker):
    """The administrator's, with topics that exist and the rights of the table."""
    settings = with_own_names(broker.settings)
    give_rights(settings, RESTRICTED)
    create_topics(settings, TopicSettings(topic_partitions=1, producer_shards=1))
    make_groups(settings)
    return settings


@pytest.mark.parametrize("principal", MAY)
def test_a_login_can_do_its_work_and_nothing_else(broker, kafka, principal):
    attacker = Attacker(login_of(broker, principal, kafka))
    done = {name for name, act in acts_on(kafka).items() if attacker.succeeds(act)}
    assert done == MAY[principal]
    assert not attacker.succeeds(Attacker.take_right)


def test_without_the_authorizer_the_least_login_does_everything(unguarded):
    settings = with_own_names(unguarded.settings)
    create_topics(settings, TopicSettings(topic_partitions=1, producer_shards=1))
    make_groups(settings)
    attacker = Attacker(login_of(unguarded, Principal.GATEWAY, settings))
    refused = {name for name, act in acts_on(settings).items() if not attacker.succeeds(act)}
    assert not refused


def test_a_right_that_the_table_does_not_have_is_taken_back(broker, kafka):
    """Whoever widened it by hand, the next setup narrows it again."""
    wider = kafka.model_copy(update={"kafka_topic": f"{kafka.kafka_topic}-old"})
    create_topic(wider, wider.kafka_topic, 1)
    gateway = Attacker(login_of(broker, Principal.GATEWAY, kafka))

    def writes(settings):
        return gateway.succeeds(lambda who: who.write(settings.kafka_topic))

    give_rights(wider, RESTRICTED)
    assert (writes(wider), writes(kafka)) == (True, False)
    give_rights(kafka, RESTRICTED)
    assert (writes(wider), writes(kafka)) == (False, True)


def plain(servers):
    return KafkaSettings(
        kafka_bootstrap_servers=servers, kafka_security_protocol=KafkaSecurity.PLAINTEXT
    )


def test_no_listener_takes_a_plain_connection(broker, unguarded):
    for port in broker._ports:
        with pytest.raises(UnavailableError):
            cluster(plain(f"127.0.0.1:{port}"), timeout_s=2)
    assert cluster(plain(unguarded.plain_servers)).brokers


@pytest.mark.parametrize("listener", ["clients", "broker"])
def test_a_wrong_password_opens_no_listener(broker, listener, tmp_path):
    """Nor does another principal's, at the listener of the broker itself."""
    right = broker.settings if listener == "clients" else broker.first_login
    [address] = addresses(right.kafka_bootstrap_servers)
    with connected(right, address, 10):
        pass
    gateway = broker.settings_of(Principal.GATEWAY).kafka_sasl_password
    guesses = [{"kafka_sasl_password": PlacedSecret("guessed", tmp_path)}]
    if listener == "broker":
        guesses.append({"kafka_sasl_username": "gateway", "kafka_sasl_password": gateway})
    for guess in guesses:
        wrong = right.model_copy(update=guess)
        with (
            pytest.raises(OSError, match=r"refuses the login|login fails"),
            connected(wrong, address, 10),
        ):
            pass
        with pytest.raises(UnavailableError, match=r"does not let us in: .*login"):
            cluster(wrong, timeout_s=2)


@pytest.mark.parametrize("servers", ["SASL_SSL://{0}", "127.0.0.1:1, {0}"])
def test_a_wrong_password_is_told_whatever_the_form_of_the_address(broker, servers, tmp_path):
    """With a protocol, and after a server that does not answer."""
    named = {"kafka_bootstrap_servers": servers.format(broker.bootstrap_servers)}
    right = broker.settings.model_copy(update=named)
    wrong = right.model_copy(update={"kafka_sasl_password": PlacedSecret("guessed", tmp_path)})
    assert (lets_us_in(right, 10), lets_us_in(wrong, 10)) == (True, False)
    assert refusal(right) is None
    assert "login" in (refusal(wrong) or "")


def test_the_first_login_is_tried_at_each_server_of_the_list(broker):
    """One that does not answer says nothing about the password."""
    first = broker.first_login.kafka_bootstrap_servers
    servers = f"127.0.0.1:1,{first}"
    administrator = setup._administrator(broker.settings, servers)
    assert administrator.kafka_sasl_mechanism is SaslMechanism.PLAIN
    assert administrator.kafka_bootstrap_servers == servers
    # there PLAIN is not taken, as after a rotation
    clients = broker.bootstrap_servers
    assert setup._administrator(broker.settings, clients) == broker.settings


@pytest.fixture
def other_authority(tmp_path):
    ensure_authority(tmp_path / "other")
    return tmp_path / "other" / "ca.pem"


def test_a_client_that_does_not_know_the_authority_refuses(broker, other_authority):
    wrong = broker.settings.model_copy(update={"kafka_ssl_ca": other_authority})
    with pytest.raises(UnavailableError, match="its certificate is not trusted"):
        cluster(wrong, timeout_s=2)
    [address] = addresses(wrong.kafka_bootstrap_servers)
    with pytest.raises(ssl.SSLCertVerificationError), connected(wrong, address, 10):
        pass
    unverified = {**client_options(wrong), "enable.ssl.certificate.verification": False}
    assert AdminClient(unverified).list_topics(timeout=10).brokers


@pytest.fixture(params=["of another authority", "of another host", "without TLS"])
def rogue(request, broker, tmp_path):
    """A server where the broker should be."""
    folder = tmp_path / "rogue"
    if request.param == "of another host":
        folder.mkdir()
        for name in ("ca.pem", "ca.key"):
            shutil.copy(broker.secrets / name, folder / name)
    ensure_authority(folder)
    hosts = ["elsewhere"] if request.param == "of another host" else ["127.0.0.1"]
    ensure_server_certificate(folder, "kafka", hosts)
    has_tls = request.param != "without TLS"
    with Rogue(folder / "kafka_server.pem" if has_tls else None) as rogue:
        yield rogue


def test_a_rogue_broker_gets_no_password_and_no_word(broker, rogue):
    """Even of a login that would send it: PLAIN."""
    settings = broker.settings.model_copy(
        update={
            "kafka_bootstrap_servers": f"127.0.0.1:{rogue.port}",
            "kafka_sasl_mechanism": SaslMechanism.PLAIN,
        }
    )
    with pytest.raises(UnavailableError):
        cluster(settings, timeout_s=2)
    with pytest.raises(OSError), connected(settings, ("127.0.0.1", rogue.port), 10):  # noqa: PT011 - of any kind
        pass
    password = settings.kafka_sasl_password.get_secret_value().encode()
    assert rogue.connections >= 2
    assert not rogue.heard
    assert password not in rogue.raw


@pytest.mark.parametrize("rogue", ["of another authority", "of another host"], indirect=True)
def test_a_client_that_does_not_verify_tells_a_rogue_broker_its_password(
    broker, rogue, monkeypatch
):
    settings = broker.settings.model_copy(update={"kafka_sasl_mechanism": SaslMechanism.PLAIN})
    monkeypatch.setattr(ssl, "create_default_context", lambda **_: ssl._create_unverified_context())  # noqa: S323 - that is the attack
    with connected(settings, ("127.0.0.1", rogue.port), 10):
        pass
    assert settings.kafka_sasl_password.get_secret_value().encode() in rogue.heard
    deaf = {
        **client_options(settings),
        "bootstrap.servers": f"127.0.0.1:{rogue.port}",
        "enable.ssl.certificate.verification": False,
    }
    heard = len(rogue.heard)
    with pytest.raises(KafkaException):
        AdminClient(deaf).list_topics(timeout=2)
    assert len(rogue.heard) > heard


def test_the_formatted_folder_that_stacks_share_knows_no_login(broker):
    kept = broker.jars / "kafka" / "formatted"
    files = [path.read_bytes() for path in kept.rglob("*") if path.is_file()]
    assert files
    for principal in (Principal.ADMIN, Principal.PRODUCER):
        assert not any(principal.encode() in content for content in files)


def test_no_other_file_of_a_broker_holds_a_password(broker):
    """Its configuration has two; its log, its data and the files for tools none."""
    secret = re.compile(
        b"|".join(re.escape(text.encode()) for text in broker._passwords().values())
    )
    files = [path for path in broker.folder.rglob("*") if path.is_file()]
    holding = {
        path.relative_to(broker.folder).parts[0]
        for path in files
        if secret.search(path.read_bytes())
    }
    assert holding == {"server.properties", "secrets"}
    assert (broker.folder / "server.properties").stat().st_mode & 0o077 == 0
