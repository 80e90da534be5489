"""A password that is replaced while sessions are open; the certificate is read again, too."""

import threading
import uuid

import pytest

from common.errors import ConfigurationError
from common.secret import read_secret
from db.connection import connect
from db.schema.rotation import forget_old_password, reload_certificate, replace_password
from ops.credentials.files import replace_secret


@pytest.fixture
def administrator(server_settings):
    with connect(server_settings, database=False) as connection:
        yield connection


@pytest.fixture
def account(administrator, server_settings, tmp_path):
    """An account of the test's own whose password is in a file."""
    user, path = f"rotated_{uuid.uuid4().hex[:8]}", tmp_path / "password"
    path.write_text("the first one, thirty-two letters")
    cursor = administrator.cursor()
    cursor.execute(f"CREATE USER {user} IDENTIFIED BY %s REQUIRE SSL", (path.read_text(),))
    yield server_settings.model_copy(update={"db_user": user, "db_password": read_secret(path)})
    cursor.execute(f"DROP USER {user}")


def log_in(settings):
    with connect(settings, database=False):
        pass


def test_whoever_connects_again_takes_the_new_password_and_open_sessions_stay(
    administrator, account
):
    with connect(account, database=False) as open_session:
        path, old = account.db_password.place, account.db_password.get_secret_value()
        replace_password(administrator, account.db_user, "the next one")
        replace_secret(path, b"the next one")
        forget_old_password(administrator, account.db_user)
        reload_certificate(administrator)
        log_in(account)
        assert open_session.is_connected()
    replace_secret(path, old.encode())
    with pytest.raises(ConfigurationError):
        log_in(account)


def test_a_login_between_the_servers_change_and_the_files_succeeds(administrator, account):
    """Where no second password exists, it is refused once and reads the file again."""
    path = account.db_password.place
    replace_password(administrator, account.db_user, "the next one")
    forget_old_password(administrator, account.db_user)
    later = threading.Timer(0.1, replace_secret, (path, b"the next one"))
    later.start()
    log_in(account)
    later.join()
