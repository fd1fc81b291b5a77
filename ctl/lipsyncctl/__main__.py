"""`python -m lipsyncctl`."""

import sys

from lipsyncctl.main import main

sys.exit(main())
