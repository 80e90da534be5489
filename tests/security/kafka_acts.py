"""What somebody may try at the broker; each act is done or refused."""

import itertools
import logging
from dataclasses import dataclass
from functools import cached_property

from confluent_kafka import (
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from common.broker.addresses import addresses
from common.broker.clients import COMMITTED, client_options
from common.broker.raw import _fetch
from common.errors import UnavailableError
from common.settings import KafkaSettings
from tests.waiting import wait_until

_SECONDS = 20
_DENIED = {"TOPIC", "GROUP", "CLUSTER", "TRANSACTIONAL_ID"}
_count = itertools.count()


class RefusedError(Exception):
    """The broker lets nobody do that who has no right to."""


@dataclass(frozen=True)
class Attacker:
    """Somebody who has logged in; ``kafka`` also names the topics and groups."""

    kafka: KafkaSettings

    def succeeds(self, act) -> bool:
        """False if the broker refuses for a lack of rights; any other failure is one of the test."""
        try:
            act(self)
        except KafkaException as error:
            name = error.args[0].name()
            if name.removesuffix("_AUTHORIZATION_FAILED") not in _DENIED:
                raise
            return False
        except RefusedError:
            return False
        return True

    @property
    def options(self):
        quiet = logging.getLogger("kafka-acts")
        quiet.disabled = True
        return {**client_options(self.kafka), "logger": quiet}

    @cached_property
    def admin(self):
        """Kept: a client that is collected drops its requests."""
        return AdminClient(self.options)

    def write(self, topic):
        reports = []
        client = Producer(self.options)
        client.produce(topic, b"forged", b"p", on_delivery=lambda error, _: reports.append(error))
        assert client.flush(_SECONDS) == 0
        if reports[0]:
            raise KafkaException(reports[0])

    def read(self, topic):
        """By a request of our own: it needs no group."""
        [address] = addresses(self.kafka.kafka_bootstrap_servers)
        try:
            _fetch(self.kafka, address, topic, 0, 0, COMMITTED)
        except UnavailableError as error:
            if "error 29" not in error.message:
                raise
            raise RefusedError from error

    def commit(self, group, topic):
        """Sets the group's offset; by a consumer, librdkafka would wait for a coordinator."""
        wanted = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 0, 0)])
        (answer,) = self.admin.alter_consumer_group_offsets([wanted]).values()
        (place,) = answer.result(_SECONDS).topic_partitions
        if place.error:
            raise KafkaException(place.error)

    def transact(self):
        client = Producer({**self.options, "transactional.id": f"attack-{next(_count)}"})
        client.init_transactions(_SECONDS)

    def change(self, topic):
        keep = ConfigEntry("retention.ms", "86400000", incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[keep])
        answered(self.admin.incremental_alter_configs([resource]))

    def see_settings(self, kind, name):
        answered(self.admin.describe_configs([ConfigResource(kind, name)]))

    def create(self):
        answered(self.admin.create_topics([NewTopic(f"made-{next(_count)}", 1)]))

    def grow(self, topic):
        answered(self.admin.create_partitions([NewPartitions(topic, 5 + next(_count))]))

    def empty(self, topic):
        try:
            answered(self.admin.delete_records([TopicPartition(topic, 0, 0)]))
        except KafkaException as error:
            # the client asks where a topic is first, and is not told
            if error.args[0].code() != KafkaError._NOENT:
                raise
            raise RefusedError from error

    def delete(self, topic):
        answered(self.admin.delete_topics([topic]))

    def forget(self, group):
        answered(self.admin.delete_consumer_groups([group]))

    def take_login(self):
        """A password for the administrator."""
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        asked = [UserScramCredentialUpsertion("admin-too", info, b"chosen by me")]
        answered(self.admin.alter_user_scram_credentials(asked))

    def take_right(self):
        """Everything, for everybody."""
        right = AclBinding(
            *(ResourceType.TOPIC, "*", ResourcePatternType.LITERAL, "User:*", "*"),
            *(AclOperation.ALL, AclPermissionType.ALLOW),
        )
        answered(self.admin.create_acls([right]))


def answered(asked):
    for answer in asked.values():
        answer.result(_SECONDS)


def acts_on(kafka):
    """Every act by its name; the last ones destroy."""
    topics = {
        "batches": kafka.kafka_topic,
        "dead letters": kafka.kafka_dlq_topic,
        "shards": kafka.kafka_shards_topic,
    }
    groups = {
        "consumer": (kafka.kafka_group, kafka.kafka_topic),
        "Spark": (f"{kafka.kafka_group}-spark-1", kafka.kafka_topic),
        "producers": (kafka.kafka_producers_group, kafka.kafka_shards_topic),
    }
    acts = {}
    for name, topic in topics.items():
        acts[f"write {name}"] = lambda who, topic=topic: who.write(topic)
        acts[f"read {name}"] = lambda who, topic=topic: who.read(topic)
        acts[f"change {name}"] = lambda who, topic=topic: who.change(topic)
        acts[f"grow {name}"] = lambda who, topic=topic: who.grow(topic)
        acts[f"see settings of {name}"] = lambda who, topic=topic: who.see_settings(
            ConfigResource.Type.TOPIC, topic
        )
    for name, place in groups.items():
        acts[f"commit for {name}"] = lambda who, place=place: who.commit(*place)
    acts["begin a transaction"] = Attacker.transact
    acts["create a topic"] = Attacker.create
    acts["see settings of the broker"] = lambda who: who.see_settings(
        ConfigResource.Type.BROKER, "1"
    )
    acts["make a login"] = Attacker.take_login
    acts["forget the consumer group"] = lambda who: who.forget(kafka.kafka_group)
    for name, topic in topics.items():
        acts[f"empty {name}"] = lambda who, topic=topic: who.empty(topic)
        acts[f"delete {name}"] = lambda who, topic=topic: who.delete(topic)
    return acts


def make_groups(kafka):
    """Returns when all groups have committed: a new broker first makes the topic of their offsets."""
    administrator = Attacker(kafka)
    for name, act in acts_on(kafka).items():
        if name.startswith("commit"):
            wait_until(lambda act=act: _is_done(administrator, act))


def _is_done(who, act):
    try:
        return who.succeeds(act)
    except KafkaException:
        return False
