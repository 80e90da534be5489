"""A command line as the parser of the commands reads it, without running it."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from typer.core import TyperGroup


@dataclass(frozen=True)
class CommandLine:
    """The words after `vitals`, and what they mean."""

    words: tuple[str, ...]
    name: str
    """The command's name, without its group's."""
    function: Callable[..., Any]
    """What the command runs."""
    values: Mapping[str, Any]
    """By the parameter's name."""
    rest: tuple[str, ...]
    """Arguments that the command passes on unparsed."""
    _group: TyperGroup
    _parent: Any

    @classmethod
    def read(cls, group: TyperGroup, words: Sequence[str], parent: Any) -> Self:
        """``parent``: the context of the group, which has read its own options.

        Raises what the parser raises: for misuse, and to end after a command's ``--help``.
        """
        context, rest = parent, list(words)
        command: Any = group
        while isinstance(command, TyperGroup):
            # not the group's own resolve_command: that of `vitals` would recurse
            name, command, rest = TyperGroup.resolve_command(command, context, rest)
            context = command.make_context(name, list(rest), parent=context)
            if isinstance(command, TyperGroup):
                _, rest, _ = command.make_parser(context).parse_args(list(rest))
        function = inspect.unwrap(command.callback)
        values, unread = context.params, tuple(context.args)
        return cls(tuple(words), context.info_name, function, values, unread, group, parent)

    def with_path(self, parameter: str, path: str) -> Self:
        """The same line with another path for this parameter."""
        for index, word in enumerate(self.words):
            if Path(word) != self.values[parameter]:
                continue
            words = [*self.words[:index], path, *self.words[index + 1 :]]
            changed = self.read(self._group, words, self._parent)
            if changed.values[parameter] == Path(path):
                return changed
        return self
