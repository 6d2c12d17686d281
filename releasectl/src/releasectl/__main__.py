import sys

from releasectl.cli import main

sys.exit(main())
