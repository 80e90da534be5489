"""What the environment may say about the monitor."""

import ipaddress
from pathlib import Path

from pydantic import SecretStr

from common.errors import ConfigurationError
from common.intervals import IntervalSettings
from common.settings import DatabaseSettings, Port


class MonitorSettings(IntervalSettings):
    """Where the page is served, and what the monitor expects of the producers."""

    monitor_host: str = "127.0.0.1"
    monitor_port: Port = 8080
    monitor_token: SecretStr | None = None
    """Demanded by every request where it is set; it must be where others can reach the page."""
    monitor_uplot_jar: Path | None = None
    """The WebJar of the charts where it is there already; else it is retrieved like Kafka's jars."""
    metrics_targets: str | None = None
    """``producer-1=127.0.0.1:4001,consumer:9100``: where producers and consumers tell their metrics."""
    cadence_db_user: str | None = None
    """The account that writes down what is missing; without one, the page's own account does."""
    cadence_db_password: SecretStr | None = None

    @property
    def is_local(self) -> bool:
        """Whether only programs of this machine can reach the page."""
        if self.monitor_host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.monitor_host).is_loopback
        except ValueError:
            return False

    @property
    def token(self) -> str | None:
        """The token that every request must show.

        Raises:
            ConfigurationError: others could reach the page, and there is none.
        """
        token = self.monitor_token.get_secret_value() if self.monitor_token else ""
        if not token and not self.is_local:
            raise ConfigurationError(
                f"the monitor would show patients to everybody who reaches {self.monitor_host}",
                hint="set MONITOR_TOKEN (or MONITOR_TOKEN_FILE), or MONITOR_HOST=127.0.0.1",
            )
        return token or None

    def cadence(self, reader: DatabaseSettings) -> DatabaseSettings:
        """How the tables of missing samples are written."""
        if self.cadence_db_user is None or self.cadence_db_password is None:
            return reader
        return reader.model_copy(
            update={"db_user": self.cadence_db_user, "db_password": self.cadence_db_password}
        )
