"""``python -m ops.reference PAGE``: prints a page of ``docs/reference``."""

import argparse
import sys

from ops.reference.cli import cli_page
from ops.reference.metrics import metrics_page
from ops.reference.rights import rights_page
from ops.reference.settings import settings_page

PAGES = {"settings": settings_page, "cli": cli_page, "metrics": metrics_page, "rights": rights_page}


def main() -> None:
    """Prints one page, the same bytes on every system."""
    parser = argparse.ArgumentParser(prog="python -m ops.reference", description=__doc__)
    parser.add_argument("page", choices=sorted(PAGES))
    page = PAGES[parser.parse_args().page]
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # type: ignore[union-attr]
    sys.stdout.write(page())


if __name__ == "__main__":
    main()
