"""The monitor's settings."""

import ipaddress
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr

from common.errors import ConfigurationError
from common.intervals import IntervalSettings
from common.settings import DatabaseSettings, Port


class MonitorSettings(IntervalSettings):
    """Where the page is served, and what the monitor expects of the producers."""

    monitor_host: str = "127.0.0.1"
    """The address the page is served at."""
    monitor_port: Port = 8080
    """The port the page is served at."""
    monitor_plaintext: bool = False
    """Serve without TLS where other machines can reach the address: everybody on the way sees the patients."""
    monitor_session_hours: Annotated[float, Field(gt=0)] = 12
    """After this a person signs in again, used or not."""
    monitor_idle_minutes: Annotated[float, Field(gt=0)] = 30
    """How long a session lasts that no open page uses."""
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

    def require_protection(self) -> None:
        """Raises ConfigurationError if secrets and patients would cross a network in plaintext."""
        if not self.is_local and not self.monitor_plaintext:
            raise ConfigurationError(
                f"the page would be served without TLS to all who can reach {self.monitor_host}",
                hint="set MONITOR_HOST=127.0.0.1, or MONITOR_PLAINTEXT=true if nobody is in between",
            )

    def cadence(self, reader: DatabaseSettings) -> DatabaseSettings:
        """The connection that writes `lacuna` and `janela_repetida`."""
        if self.cadence_db_user is None or self.cadence_db_password is None:
            return reader
        return reader.model_copy(
            update={"db_user": self.cadence_db_user, "db_password": self.cadence_db_password}
        )
