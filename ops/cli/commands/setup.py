"""``vitals setup``: topics, accounts, tables and demo patients of a stack started elsewhere."""

from typing import Annotated

import structlog
from pydantic import Field, SecretStr, field_validator

from common.broker.addresses import addresses
from common.broker.connection import lets_us_in
from common.broker.principals import Principal
from common.broker.rights import give_logins, give_rights
from common.settings import (
    DatabaseAddress,
    DatabaseSettings,
    KafkaSettings,
    SaslMechanism,
    TopicSettings,
)
from db.connection import connect
from db.schema.accounts import Role, account_name, create_accounts, grant_tables
from db.schema.migrate import migrate
from db.schema.seed import seed
from db.write.looks import prune_looks
from ops.people.settings import LooksSettings
from ops.stack.topics import create_topics

_LOGIN_TIMEOUT_S = 10.0

_log = structlog.get_logger()


class SetupSettings(DatabaseAddress):
    """Settings of the setup alone: the administrator, and the passwords of the accounts."""

    db_admin_user: str = "root"
    """The account that creates the other accounts."""
    db_admin_password: SecretStr
    """The password of that account."""
    db_migrator_password: SecretStr
    """Given to `vitals_migrator`, which owns tables, patients and mappings."""
    db_consumer_password: SecretStr
    """Given to `vitals_consumer`, which may do what the consumer's statements need."""
    db_reader_password: SecretStr
    """Given to `vitals_reader`, which may only SELECT."""
    db_cadence_password: SecretStr
    """Given to `vitals_cadence`, which writes `lacuna`, `janela_repetida` and `acesso`."""
    kafka_first_login_servers: str | None = None
    """The broker's own listener, where the administrator logs in by PLAIN before the broker knows any
    other password; without it nobody gets a login or a right at the broker."""
    kafka_producer_password: SecretStr | None = None
    """Given to the principal `producer`, which may publish batches."""
    kafka_consumer_password: SecretStr | None = None
    """Given to the principal `consumer`, which reads batches and writes dead letters."""
    kafka_reader_password: SecretStr | None = None
    """Given to the principal `reader`, which may only read."""
    kafka_gateway_password: SecretStr | None = None
    """Given to the principal `gateway`, for producers of your own."""
    patients: Annotated[int, Field(ge=0)] = 100
    """How many demo patients are registered; 0 registers none."""
    simulation_seed: int = 7
    """The same seed gives the same demo patients."""

    @field_validator("kafka_first_login_servers")
    @classmethod
    def _are_servers(cls, value: str | None) -> str | None:
        # set to nothing it means what it means unset
        if value:
            addresses(value)
        return value

    def administrator(self) -> DatabaseSettings:
        """The account that may create accounts."""
        return self._account(self.db_admin_user, self.db_admin_password)

    def migrator(self) -> DatabaseSettings:
        """The account that creates tables and patients."""
        return self._account(account_name(Role.MIGRATOR), self.db_migrator_password)

    def passwords(self) -> dict[Role, str]:
        """The password of every account that is created."""
        return {
            Role.MIGRATOR: self.db_migrator_password.get_secret_value(),
            Role.CONSUMER: self.db_consumer_password.get_secret_value(),
            Role.READER: self.db_reader_password.get_secret_value(),
            Role.CADENCE: self.db_cadence_password.get_secret_value(),
        }

    def principals(self) -> dict[Principal, str]:
        """The password of every principal that gets a login."""
        given = {
            Principal.PRODUCER: self.kafka_producer_password,
            Principal.CONSUMER: self.kafka_consumer_password,
            Principal.READER: self.kafka_reader_password,
            Principal.GATEWAY: self.kafka_gateway_password,
        }
        return {name: secret.get_secret_value() for name, secret in given.items() if secret}

    def _account(self, user: str, password: SecretStr) -> DatabaseSettings:
        address = self.model_dump(include=set(DatabaseAddress.model_fields))
        return DatabaseSettings(**address, db_user=user, db_password=password)


def set_up(
    settings: SetupSettings, kafka: KafkaSettings, topics: TopicSettings, looks: LooksSettings
) -> None:
    """Creates what is missing and keeps what is there; safe to repeat, also after an abort.

    Raises:
        UnavailableError: the broker or the database does not answer; the same call may work later.
        ConfigurationError: an account, a topic's name or the schema has to be changed first.
    """
    kafka = _set_up_logins(settings, kafka)
    create_topics(kafka, topics)
    _log.info(
        "topics_ready", topics=[kafka.kafka_topic, kafka.kafka_dlq_topic, kafka.kafka_shards_topic]
    )
    with connect(settings.administrator(), database=False) as administrator:
        create_accounts(
            administrator, settings.db_name, settings.passwords(), is_plaintext=not settings.db_ssl
        )
        with connect(settings.migrator(), database=False) as migrator:
            applied = migrate(migrator, settings.db_name)
            grant_tables(administrator, settings.db_name)
            _log.info("accounts_and_tables_ready", migrations_applied=len(applied))
            _log.info("old_looks_deleted", rows=prune_looks(migrator, looks.oldest_look()))
            added = seed(migrator, settings.patients, settings.simulation_seed)
    _log.info("demo_patients_ready", added=added.patients, patients=settings.patients)


def _set_up_logins(settings: SetupSettings, kafka: KafkaSettings) -> KafkaSettings:
    """Gives every principal its login and its rights; returns how the administrator logs in now."""
    own = kafka.kafka_sasl_password
    if not settings.kafka_first_login_servers or own is None:
        return kafka
    administrator = _administrator(kafka, settings.kafka_first_login_servers)
    principals = settings.principals()
    give_logins(administrator, {Principal.ADMIN: own.get_secret_value(), **principals})
    give_rights(administrator, principals)
    _log.info("principals_ready", principals=[str(name) for name in principals])
    return administrator


def _administrator(kafka: KafkaSettings, servers: str) -> KafkaSettings:
    changes = {"kafka_bootstrap_servers": servers, "kafka_sasl_mechanism": SaslMechanism.PLAIN}
    first = kafka.model_copy(update=changes)
    # a rotated password: that listener learns it when the broker starts again
    return first if lets_us_in(first, _LOGIN_TIMEOUT_S) else kafka
