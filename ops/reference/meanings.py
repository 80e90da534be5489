"""What the fields of a settings class mean: the string literal after each of them.

pydantic can read these (``use_attribute_docstrings``), but does so when the class is created:
that would parse the sources at every start of every process, which takes a tenth of a second or more.
"""

import ast
import inspect
import itertools
import textwrap

from common.settings import Settings


def meanings(kind: type[Settings]) -> dict[str, str]:
    """The text of every documented field by its name, those of base classes too, on one line."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if issubclass(base, Settings):
            found |= _own_meanings(base)
    return found


def _own_meanings(kind: type[Settings]) -> dict[str, str]:
    source = textwrap.dedent(inspect.getsource(kind))
    (definition,) = ast.parse(source).body
    body = definition.body if isinstance(definition, ast.ClassDef) else []
    found = {}
    for field, text in itertools.pairwise(body):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            found[field.target.id] = " ".join(str(text.value.value).split())
    return found
