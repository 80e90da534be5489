"""``vitals monitor``: the page that shows the ward and the pipeline."""

from pathlib import Path

from common.output import say
from common.settings import load
from ops.cli.frame import Service, is_own, require_own_stack
from ops.monitor.serve import serve
from ops.monitor.settings import MonitorSettings
from ops.people.register import People
from ops.stack import JarSet, find_java, jar_source, listed_jars, retrieve
from ops.stack.exports import cadence_account
from ops.stack.invocation import Invocation
from ops.stack.running import recorded


def monitor(invocation: Invocation) -> None:
    """Serves the page until Ctrl-C, for the stack that the environment or VITALS_HOME names.

    Raises ConfigurationError, UnavailableError: what is missing, and what to do.
    """
    if invocation.is_named:
        settings = load(MonitorSettings)
    else:
        # if the environment names the stack, the page starts without it and reports that it is away
        require_own_stack(invocation)
        account = cadence_account(invocation.settings.home)
        settings = load(MonitorSettings, **{name.lower(): text for name, text in account.items()})
    is_foreign = invocation.has_addresses and not is_own(invocation, Service.BROKER)
    serve(
        settings,
        invocation.kafka(),
        invocation.database(),
        invocation.settings.output_dir.resolve() / "trusted",
        settings.monitor_uplot_jar or uplot_jar(invocation),
        People(invocation.settings.people),
        say,
        lambda: {} if is_foreign else recorded(invocation.settings.home),
    )


def uplot_jar(invocation: Invocation) -> Path:
    """The WebJar of the charts, retrieved once. Raises as ``retrieve`` does."""
    settings = invocation.settings
    source = jar_source(settings.cache, find_java(settings.java_home), settings.vitals_ivy_settings)
    (jar,) = listed_jars(JarSet.MONITOR)
    return retrieve(source, JarSet.MONITOR) / jar.file_name
