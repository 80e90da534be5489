"""``python -m ops.stack SET FOLDER``: retrieves one set of jars, for image builds."""

import sys
from pathlib import Path

from common.errors import VitalsError
from common.output import put_line, say_error
from ops.stack.ivy import JarSource, retrieve
from ops.stack.jars import JarSet
from ops.stack.java import find_java


def main() -> int:
    """Returns the exit code."""
    jar_set, folder = sys.argv[1:]
    try:
        put_line(str(retrieve(JarSource(find_java(None), Path(folder)), JarSet(jar_set))))
    except VitalsError as error:
        say_error(error)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
