"""`python -m lipsyncd`."""

import sys

from lipsyncd.main import main

sys.exit(main())
