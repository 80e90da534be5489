"""The group of all commands; `--compose` sends them to the containers."""

import os
from typing import Any

from common.commands import PlainGroup


class VitalsGroup(PlainGroup):
    """Runs a command here or, after ``--compose``, on the stack in containers."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command to run; does not return if it runs in containers."""
        if ctx.params.get("compose") and not ctx.resilient_parsing:
            from ops.cli.command_line import CommandLine
            from ops.cli.compose import ComposeStack

            line = CommandLine.read(self, args, ctx)
            ctx.exit(ComposeStack(dict(os.environ)).run(line))
        return super().resolve_command(ctx, args)
