"""The monitor's settings."""

import ipaddress
from pathlib import Path

from pydantic import SecretStr

from common.errors import ConfigurationError
from common.intervals import IntervalSettings
from common.settings import DatabaseSettings, Port


class MonitorSettings(IntervalSettings):
    """Where the page is served, and what the monitor expects of the producers."""

    monitor_host: str = "127.0.0.1"
    """The address the page is served at."""
    monitor_port: Port = 8080
    """The port the page is served at."""
    monitor_token: SecretStr | None = None
    """The token a browser must show; required where other machines can reach the address."""
    monitor_uplot_jar: Path | None = None
    """A local copy of the charts' WebJar; it is downloaded unless set."""
    metrics_targets: str | None = None
    """Where producers and consumers serve their metrics: `producer-1=127.0.0.1:4001,consumer:9100`."""
    cadence_db_user: str | None = None
    """The account that writes `lacuna` and `janela_repetida`; the page's own account unless set."""
    cadence_db_password: SecretStr | None = None
    """The password of that account."""

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the page."""
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
            ConfigurationError: other machines can reach the page, and no token is set.
        """
        token = self.monitor_token.get_secret_value() if self.monitor_token else ""
        if not token and not self.is_local:
            raise ConfigurationError(
                f"the monitor would show patients to anyone who can reach {self.monitor_host}",
                hint="set MONITOR_TOKEN (or MONITOR_TOKEN_FILE), or MONITOR_HOST=127.0.0.1",
            )
        return token or None

    def cadence(self, reader: DatabaseSettings) -> DatabaseSettings:
        """The connection that writes `lacuna` and `janela_repetida`."""
        if self.cadence_db_user is None or self.cadence_db_password is None:
            return reader
        return reader.model_copy(
            update={"db_user": self.cadence_db_user, "db_password": self.cadence_db_password}
        )
