#!/usr/bin/env python
"""Django's command line. `python manage.py help` lists the commands."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hsi.settings")
    from django.core.management import execute_from_command_line

    from hsi.config import private_files

    private_files.restrict_umask()

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
