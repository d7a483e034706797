#!/usr/bin/env python
"""Django's command line for the sandbox site."""

import os
import sys
from pathlib import Path


def main() -> None:
    # The sandbox is a package beside the one it shows, and nobody installs it.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sandbox.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
