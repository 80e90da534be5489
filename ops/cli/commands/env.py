"""``vitals env``: the addresses of the embedded stack, to be eval'ed by a shell."""

import shlex

from common.broker.principals import Principal
from db.schema.accounts import Role
from ops.cli.presence import require_own_stack
from ops.stack.exports import embedded_addresses
from ops.stack.invocation import Invocation
from ops.stack.jars import JarSet


def export_lines(invocation: Invocation, principal: Principal) -> list[str]:
    """One ``export`` line for each name that the processes read; ``principal``: who logs in at the broker.

    Raises UnavailableError where no stack runs in this home.
    """
    require_own_stack(invocation)
    settings = invocation.settings
    role = Role.CONSUMER if principal is Principal.CONSUMER else Role.MIGRATOR
    names = {
        **embedded_addresses(settings.home, principal, role),
        "SPARK_JARS_DIR": str(settings.cache / "jars" / JarSet.SPARK.value),
        "OUTPUT_DIR": str(settings.output_dir.resolve()),
    }
    return [f"export {name}={shlex.quote(value)}" for name, value in names.items()]
