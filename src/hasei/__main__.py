"""``python -m hasei`` is ``hasei``."""

import sys

from hasei.cli import main

if __name__ == "__main__":
    sys.exit(main())
