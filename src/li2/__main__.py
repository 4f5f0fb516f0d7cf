"""``python -m li2`` is the command ``li2``."""

import sys

from li2.cli import main

sys.exit(main())
