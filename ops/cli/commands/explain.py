"""``vitals explain``: the whole story of one reading."""

import json
import sys

from ops.cli.known import require_names
from ops.explain.document import document
from ops.explain.gather import explain
from ops.explain.question import Question
from ops.explain.render import lines
from ops.stack.invocation import Invocation

_NEVER_SEEN = 4


def print_story(invocation: Invocation, question: Question, *, as_json: bool) -> int:
    """Prints the story; returns the exit code: 0 in registro, 1 seen but not there, 4 never seen.

    Raises UnavailableError where the database does not answer, ConfigurationError where nothing was
    seen and the catalogue has no such sensor or component.
    """
    story = explain(
        question,
        invocation.kafka(),
        invocation.database(),
        invocation.settings.output_dir,
        lambda line: print(line, file=sys.stderr),  # noqa: T201 - a slow search shows its progress
    )
    if story.exit_code == _NEVER_SEEN:
        # an unknown name is probably a typing error, but refused readings may have one
        require_names(question.sensor, question.component)
    found = document(story)
    if as_json:
        print(json.dumps(found, indent=2, ensure_ascii=False))  # noqa: T201 - the command's output
    else:
        print("\n".join(lines(found)))  # noqa: T201 - as above
    return story.exit_code
