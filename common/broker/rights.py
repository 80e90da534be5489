"""What each principal may do at the broker, in one table; everything else is refused."""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from common.broker.clients import admin
from common.broker.faults import reported
from common.broker.principals import Principal
from common.pauses import jittered
from common.settings import KafkaSettings

_TIMEOUT_S = 30.0
# Kafka's least: the passwords are of 192 random bits, and each connection of a client computes them
_ITERATIONS = 4_096


@dataclass(frozen=True)
class Right:
    """One operation of a principal on a topic or a group; reading and writing include describing."""

    principal: Principal
    operation: AclOperation
    kind: ResourceType
    setting: str
    """The setting that names the topic or group."""
    has_prefix: bool = False
    """Whether it holds for every name that begins so."""

    def binding(self, settings: KafkaSettings) -> AclBinding:
        """As Kafka keeps it."""
        pattern = ResourcePatternType.PREFIXED if self.has_prefix else ResourcePatternType.LITERAL
        return AclBinding(
            *(self.kind, getattr(settings, self.setting), pattern, f"User:{self.principal}", "*"),
            *(self.operation, AclPermissionType.ALLOW),
        )


_READ, _WRITE, _DESCRIBE = AclOperation.READ, AclOperation.WRITE, AclOperation.DESCRIBE
_TOPIC, _GROUP = ResourceType.TOPIC, ResourceType.GROUP

RIGHTS = (
    Right(Principal.PRODUCER, _WRITE, _TOPIC, "kafka_topic"),
    Right(Principal.PRODUCER, _READ, _TOPIC, "kafka_shards_topic"),
    Right(Principal.PRODUCER, _READ, _GROUP, "kafka_producers_group"),
    Right(Principal.CONSUMER, _READ, _TOPIC, "kafka_topic"),
    Right(Principal.CONSUMER, _WRITE, _TOPIC, "kafka_dlq_topic"),
    # Spark's source makes a group of its own for each query
    Right(Principal.CONSUMER, _READ, _GROUP, "kafka_group", has_prefix=True),
    Right(Principal.READER, _READ, _TOPIC, "kafka_topic"),
    Right(Principal.READER, _READ, _TOPIC, "kafka_dlq_topic"),
    Right(Principal.READER, _READ, _TOPIC, "kafka_shards_topic"),
    Right(Principal.READER, _DESCRIBE, _GROUP, "kafka_group", has_prefix=True),
    Right(Principal.READER, _DESCRIBE, _GROUP, "kafka_producers_group"),
    Right(Principal.GATEWAY, _WRITE, _TOPIC, "kafka_topic"),
)


def give_logins(settings: KafkaSettings, passwords: Mapping[Principal, str]) -> None:
    """Sets the principals' passwords; ``settings`` are those of a principal that may do anything.

    Safe to repeat: a new password replaces the old one, and open connections stay. Raises
    UnavailableError or ConfigurationError.
    """
    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, _ITERATIONS)
    # kept until the answer: a client that is collected drops its requests
    client = admin(settings)
    asked = client.alter_user_scram_credentials(
        [
            UserScramCredentialUpsertion(principal.value, info, password.encode())
            for principal, password in passwords.items()
        ],
        request_timeout=_TIMEOUT_S,
    )
    with reported("set the passwords of the broker's principals", settings):
        for answer in asked.values():
            answer.result()


def give_rights(settings: KafkaSettings, principals: Collection[Principal]) -> None:
    """Adds the rights that these principals lack and removes those that `RIGHTS` does not have.

    Safe to repeat. Raises as `give_logins` does.
    """
    client = admin(settings)
    wanted = {right.binding(settings) for right in RIGHTS if right.principal in principals}
    with reported("set the rights of the broker's principals", settings):
        found = _held(client, principals)
        if missing := wanted - found:
            for added in client.create_acls(list(missing), request_timeout=_TIMEOUT_S).values():
                added.result()
        if surplus := [_exactly(acl) for acl in found - wanted]:
            for removed in client.delete_acls(surplus, request_timeout=_TIMEOUT_S).values():
                removed.result()
        # a broker answers before it knows what was changed
        deadline = time.monotonic() + _TIMEOUT_S
        while _held(client, principals) != wanted and time.monotonic() < deadline:
            time.sleep(jittered(0.05))


def _held(client: AdminClient, principals: Collection[Principal]) -> set[AclBinding]:
    """What the broker lets them do now."""
    # the stubs know no None, which is anything
    anything: Any = None
    filters = [
        AclBindingFilter(
            *(ResourceType.ANY, anything, ResourcePatternType.ANY, f"User:{principal}", anything),
            *(AclOperation.ANY, AclPermissionType.ANY),
        )
        for principal in principals
    ]
    asked = [client.describe_acls(wanted, request_timeout=_TIMEOUT_S) for wanted in filters]
    return {acl for answer in asked for acl in answer.result()}


def _exactly(acl: AclBinding) -> AclBindingFilter:
    return AclBindingFilter(
        *(acl.restype, acl.name, acl.resource_pattern_type, acl.principal, acl.host),
        *(acl.operation, acl.permission_type),
    )
