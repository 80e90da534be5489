"""Where the page may be served, and how."""

import pytest

from common.errors import ConfigurationError
from common.settings import load
from ops.credentials.authority import ensure_authority, ensure_server_certificate
from ops.monitor.settings import MonitorSettings


@pytest.fixture(scope="module")
def secrets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("secrets")
    ensure_authority(folder)
    for name in ("kafka", "other"):
        ensure_server_certificate(folder, name, ["localhost"])
    return folder


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.1.2.3"])
def test_this_machine_alone_needs_no_tls(host):
    load(MonitorSettings, monitor_host=host).require_protection()


@pytest.mark.parametrize("host", ["0.0.0.0", "10.1.2.3", "page.example", "::"])  # noqa: S104
def test_elsewhere_it_is_tls_or_a_proxy_or_plaintext_by_name(host, secrets):
    pair = secrets / "kafka_server.pem"
    with pytest.raises(ConfigurationError, match="without TLS"):
        load(MonitorSettings, monitor_host=host).require_protection()
    for more in (
        {"monitor_tls_cert": pair, "monitor_tls_key": pair},
        {"monitor_proxy": "10.0.0.1"},
        {"monitor_plaintext": True},
    ):
        load(MonitorSettings, monitor_host=host, **more).require_protection()


@pytest.mark.parametrize("proxy", ["*", "proxy.example", "10.0.0.1, *", "10.0.0.0/33"])
def test_a_proxy_is_named_by_its_address(proxy):
    with pytest.raises(ConfigurationError, match="MONITOR_PROXY"):
        load(MonitorSettings, monitor_proxy=proxy).require_protection()


def test_proxies_may_be_several_and_networks():
    settings = load(MonitorSettings, monitor_proxy="10.0.0.1, 172.16.0.0/12,::1")
    settings.require_protection()
    assert settings.proxies == ["10.0.0.1", "172.16.0.0/12", "::1"]


def test_a_pair_that_cannot_be_used_is_named(secrets, tmp_path):
    pair = secrets / "kafka_server.pem"
    for cert, key in (
        (pair, None),
        (None, pair),
        (pair, tmp_path / "none"),
        (secrets / "ca.pem", pair),
    ):
        settings = load(MonitorSettings, monitor_tls_cert=cert, monitor_tls_key=key)
        with pytest.raises(ConfigurationError, match=r"cannot serve the page|needs its key"):
            settings.require_protection()
