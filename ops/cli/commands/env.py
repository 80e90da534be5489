"""``vitals env``: the addresses of the embedded stack, to be eval'ed by a shell."""

import shlex

from common.errors import ConfigurationError
from ops.stack.exports import embedded_addresses
from ops.stack.invocation import Invocation
from ops.stack.jars import JarSet


def export_lines(invocation: Invocation) -> list[str]:
    """One ``export`` line a name that the parts read.

    Raises:
        ConfigurationError: no stack was started in this home yet.
    """
    settings = invocation.settings
    addresses = embedded_addresses(settings.home)
    if not addresses:
        raise ConfigurationError(
            f"there is no embedded stack in {settings.home} yet", hint="start one with `vitals up`"
        )
    names = {
        **addresses,
        "SPARK_JARS_DIR": str(settings.cache / "jars" / JarSet.SPARK.value),
        "OUTPUT_DIR": str(settings.output_dir.resolve()),
    }
    return [f"export {name}={shlex.quote(value)}" for name, value in names.items()]
