"""``vitals env``: the addresses of the embedded stack, to be eval'ed by a shell."""

import shlex

from ops.cli.presence import require_own_stack
from ops.stack.exports import embedded_addresses
from ops.stack.invocation import Invocation
from ops.stack.jars import JarSet


def export_lines(invocation: Invocation) -> list[str]:
    """One ``export`` line for each name that the processes read.

    Raises UnavailableError where no stack runs in this home.
    """
    require_own_stack(invocation)
    settings = invocation.settings
    names = {
        **embedded_addresses(settings.home),
        "SPARK_JARS_DIR": str(settings.cache / "jars" / JarSet.SPARK.value),
        "OUTPUT_DIR": str(settings.output_dir.resolve()),
    }
    return [f"export {name}={shlex.quote(value)}" for name, value in names.items()]
