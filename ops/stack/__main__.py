"""``python -m ops.stack SET FOLDER``: retrieves one set of jars, for image builds."""

import sys
from pathlib import Path

from common.errors import VitalsError
from ops.stack.ivy import JarSource, retrieve
from ops.stack.jars import JarSet
from ops.stack.java import find_java


def main() -> int:
    """Returns the exit code."""
    jar_set, folder = sys.argv[1:]
    try:
        print(retrieve(JarSource(find_java(None), Path(folder)), JarSet(jar_set)))
    except VitalsError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
