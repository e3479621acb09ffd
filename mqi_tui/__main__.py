"""`python -m mqi_tui` is `mqi-tui`."""

import sys

from mqi_tui.cli import main

sys.exit(main())
