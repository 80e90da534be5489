"""``vitals explain``: the whole story of one reading."""

from common.output import put_json, put_line, say
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
        question, invocation.kafka(), invocation.database(), invocation.settings.output_dir, say
    )
    if story.exit_code == _NEVER_SEEN:
        # an unknown name is probably a typing error, but refused readings may have one
        require_names(question.sensor, question.component)
    found = document(story)
    if as_json:
        put_json(found, indent=2)
    else:
        for line in lines(found):
            put_line(line)
    return story.exit_code
