"""The monitor's settings."""

import ipaddress
import ssl
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
    monitor_tls_cert: Path | None = None
    """The page's certificate and those in between (PEM): the page is served by TLS."""
    monitor_tls_key: Path | None = None
    """The key of that certificate (PEM)."""
    monitor_proxy: str | None = None
    """Addresses or networks of the proxy in front of the page, separated by commas. Only its
    `X-Forwarded-For` and `X-Forwarded-Proto` count."""
    monitor_plaintext: bool = False
    """Serve without TLS where other machines can reach the address: anyone on the network path can see the patients."""
    monitor_session_hours: Annotated[float, Field(gt=0)] = 12
    """After this a person signs in again, used or not."""
    monitor_idle_minutes: Annotated[float, Field(gt=0)] = 30
    """How long a session lasts after its last page was closed."""
    monitor_uplot_jar: Path | None = None
    """A local copy of the charts' WebJar; it is downloaded unless set."""
    metrics_targets: str | None = None
    """Where producers and consumers serve their metrics: `producer-1=127.0.0.1:4001,consumer:9100`."""
    cadence_db_user: str | None = None
    """The account that writes `lacuna`, `janela_repetida` and `acesso`; the page's own unless set."""
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
        """Raises ConfigurationError if secrets and patients would cross a network in plaintext, or if
        certificate, key or proxy cannot be used.
        """  # noqa: D205 - one sentence
        if (self.monitor_tls_cert is None) != (self.monitor_tls_key is None):
            raise ConfigurationError(
                "a certificate needs its key", hint="set MONITOR_TLS_CERT and MONITOR_TLS_KEY"
            )
        if self.monitor_tls_cert:
            _require_pair(self.monitor_tls_cert, self.monitor_tls_key)
        _require_addresses(self.proxies)
        if not self.is_protected and not self.monitor_plaintext:
            raise ConfigurationError(
                f"the page would be served without TLS to all who can reach {self.monitor_host}",
                hint="set MONITOR_TLS_CERT and MONITOR_TLS_KEY, or MONITOR_PROXY, or"
                " MONITOR_HOST=127.0.0.1; docs/how-to/page-behind-a-proxy.md shows each",
            )

    @property
    def is_protected(self) -> bool:
        """Whether nobody between the page and its browsers reads along."""
        return self.is_local or self.monitor_tls_cert is not None or bool(self.proxies)

    @property
    def proxies(self) -> list[str]:
        """Whose `X-Forwarded-*` count."""
        return [proxy.strip() for proxy in (self.monitor_proxy or "").split(",") if proxy.strip()]

    @property
    def url(self) -> str:
        """The address that the monitor itself serves."""
        scheme = "https" if self.monitor_tls_cert else "http"
        return f"{scheme}://{self.monitor_host}:{self.monitor_port}/"

    def cadence(self, reader: DatabaseSettings) -> DatabaseSettings:
        """The connection that writes `lacuna`, `janela_repetida` and `acesso`."""
        if self.cadence_db_user is None or self.cadence_db_password is None:
            return reader
        return reader.model_copy(
            update={"db_user": self.cadence_db_user, "db_password": self.cadence_db_password}
        )


def _require_pair(certificate: Path, key: Path | None) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"cannot serve the page with {certificate} and {key}: {error.strerror or error}",
            hint="MONITOR_TLS_CERT and MONITOR_TLS_KEY name PEM files that belong together",
        ) from error


def _require_addresses(proxies: list[str]) -> None:
    for proxy in proxies:
        try:
            ipaddress.ip_network(proxy, strict=False)
        except ValueError as error:
            raise ConfigurationError(
                f"MONITOR_PROXY: {proxy} is neither an address nor a network",
                hint="name the proxy by its address: everybody else could claim any address",
            ) from error
