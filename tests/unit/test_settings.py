"""Settings: from the environment or secret files, all problems at once, frozen, no secret shown."""

import os
import pickle

import pytest
from pydantic import ValidationError

from common.errors import ConfigurationError
from common.settings import (
    DatabaseSettings,
    KafkaSettings,
    LogSettings,
    OutputSettings,
    load,
    load_all,
)

DATABASE = {"DB_HOST": "127.0.0.1", "DB_USER": "vitals", "DB_PASSWORD": "s3cret"}


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """An environment without our variables; call it to set some."""
    for kind in (DatabaseSettings, KafkaSettings, LogSettings, OutputSettings):
        for name in kind.model_fields:
            monkeypatch.delenv(name.upper(), raising=False)
            monkeypatch.delenv(f"{name.upper()}_FILE", raising=False)

    def set_names(**names):
        for name, value in names.items():
            monkeypatch.setenv(name, str(value))

    return set_names


def test_values_come_from_the_environment_and_the_rest_has_defaults(environment):
    environment(**DATABASE, DB_PORT="3307")
    settings = load(DatabaseSettings)
    assert (settings.db_host, settings.db_port) == ("127.0.0.1", 3307)
    assert settings.db_password.get_secret_value() == "s3cret"
    assert settings.db_name == "health_data"
    assert str(load(OutputSettings).output_dir) == "output"
    assert load(LogSettings).log_format == "json"


def test_a_value_from_a_file_has_no_line_end(environment, tmp_path):
    """As container secrets arrive; a trailing space belongs to the secret."""
    secret = tmp_path / "password"
    secret.write_bytes(b" from a file \r\n")
    environment(DB_HOST="h", DB_USER="u", DB_PASSWORD_FILE=secret)
    assert load(DatabaseSettings).db_password.get_secret_value() == " from a file "


def test_a_file_wins_over_the_plain_name(environment, tmp_path):
    secret = tmp_path / "password"
    secret.write_text("from a file")
    environment(**DATABASE, DB_PASSWORD_FILE=secret)
    assert load(DatabaseSettings).db_password.get_secret_value() == "from a file"


def test_an_option_wins_over_both_unless_it_is_missing(environment, tmp_path):
    host = tmp_path / "host"
    host.write_text("from-a-file")
    environment(**DATABASE, DB_HOST_FILE=host, DB_PORT="3307")
    settings = load(DatabaseSettings, db_host="given", db_port=None)
    assert (settings.db_host, settings.db_port) == ("given", 3307)


def test_all_problems_are_reported_together_by_name(environment, tmp_path):
    environment(DB_USER="vitals", DB_PORT="70000", DB_PASSWORD_FILE=tmp_path / "missing")
    with pytest.raises(ConfigurationError) as failed:
        load(DatabaseSettings)
    for part in ("DB_HOST: Field required", "DB_PORT: ", "DB_PASSWORD_FILE: cannot read"):
        assert part in failed.value.message
    assert "DB_USER" not in failed.value.message
    assert "vitals env" in failed.value.hint


def test_a_file_that_is_not_text_is_a_problem_with_a_name(environment, tmp_path):
    secret = tmp_path / "password"
    secret.write_bytes(b"\xff\xfe\x00")
    environment(**DATABASE, DB_PASSWORD_FILE=secret)
    with pytest.raises(ConfigurationError, match="DB_PASSWORD_FILE: cannot read"):
        load(DatabaseSettings)


@pytest.mark.parametrize("port", ["0", "65536", "-1", "many", "", "3306.5"])
def test_an_invalid_port_is_refused(environment, port):
    environment(**DATABASE, DB_PORT=port)
    with pytest.raises(ConfigurationError, match="DB_PORT"):
        load(DatabaseSettings)


@pytest.mark.parametrize(("name", "value"), [("LOG_FORMAT", "xml"), ("LOG_LEVEL", "loud")])
def test_a_log_setting_outside_its_choice_is_refused(environment, name, value):
    environment(**{name: value})
    with pytest.raises(ConfigurationError, match=name):
        load(LogSettings)


def test_settings_do_not_change_after_the_read(environment):
    environment(KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:9092", KAFKA_SECURITY_PROTOCOL="PLAINTEXT")
    settings = load(KafkaSettings)
    with pytest.raises(ValidationError, match="frozen"):
        settings.kafka_topic = "another"


def test_a_secret_is_in_no_text(environment):
    environment(**DATABASE)
    settings = load(DatabaseSettings)
    assert "s3cret" not in f"{settings!r} {settings} {settings.model_dump()}"
    environment(DB_PORT="s3cret")
    with pytest.raises(ConfigurationError) as failed:
        load(DatabaseSettings)
    assert "s3cret" not in str(failed.value)


def test_problems_of_several_kinds_come_in_one_message():
    with pytest.raises(ConfigurationError) as caught:
        load_all(KafkaSettings, DatabaseSettings)
    assert "KAFKA_BOOTSTRAP_SERVERS" in caught.value.message
    assert "DB_PASSWORD" in caught.value.message


def test_a_server_that_is_no_address_is_a_problem_of_its_setting(environment):
    environment(KAFKA_BOOTSTRAP_SERVERS="a:1,b:c", KAFKA_SECURITY_PROTOCOL="PLAINTEXT")
    with pytest.raises(ConfigurationError) as failed:
        load(KafkaSettings)
    assert "KAFKA_BOOTSTRAP_SERVERS: Value error, a server is `host:port`" in failed.value.message
    assert (failed.value.exit_code, bool(failed.value.hint)) == (2, True)


def test_a_connection_with_tls_needs_a_login(environment):
    environment(KAFKA_BOOTSTRAP_SERVERS="h:1")
    with pytest.raises(ConfigurationError) as failed:
        load(KafkaSettings)
    assert (
        "KAFKA_SASL_USERNAME: Value error, required, unless KAFKA_SECURITY_PROTOCOL is PLAINTEXT"
        in failed.value.message
    )
    assert (
        "KAFKA_SASL_PASSWORD: Value error, required, unless KAFKA_SECURITY_PROTOCOL is PLAINTEXT"
        in failed.value.message
    )


def test_a_secret_is_pickled_as_the_place_where_it_was_read(environment, tmp_path):
    """Spark's workers get the settings with their tasks, in the memory of a JVM and on a network."""
    secret = tmp_path / "password"
    secret.write_text("s3cret")
    environment(**DATABASE, KAFKA_BOOTSTRAP_SERVERS="h:1", KAFKA_SASL_USERNAME="u")
    environment(KAFKA_SASL_PASSWORD_FILE=secret)
    read = load_all(DatabaseSettings, KafkaSettings)
    travelling = pickle.dumps(read)
    assert b"s3cret" not in travelling
    assert pickle.loads(travelling) == read  # noqa: S301 - our own bytes
    secret.unlink()
    with pytest.raises(ConfigurationError, match=f"cannot read the secret in {secret}"):
        pickle.loads(travelling)  # noqa: S301 - our own bytes
    environment(KAFKA_SASL_PASSWORD="another")
    os.environ.pop("DB_PASSWORD")
    with pytest.raises(ConfigurationError, match="cannot read the secret DB_PASSWORD"):
        pickle.loads(travelling)  # noqa: S301 - our own bytes


def test_a_given_name_may_be_that_of_a_file(environment, tmp_path):
    secret = tmp_path / "password"
    secret.write_text("from a file\n")
    environment(DB_HOST="h", DB_USER="u", DB_PASSWORD="environment")
    settings = load(DatabaseSettings, db_password_file=secret)
    assert settings.db_password.get_secret_value() == "from a file"
