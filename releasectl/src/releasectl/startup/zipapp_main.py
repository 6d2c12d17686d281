"""
`__main__.py` of the zipapp. build.py fills in the digest of the sources, which names the directory that holds them
unpacked, with their byte code (bytecode_cache.py).
"""

import gc
import os
import sys

# All that is imported stays: a collection would find nothing and only take time.
gc.disable()
CACHE = "/var/cache/slipway/@DIGEST@"
if os.path.isdir(CACHE):
    sys.path[0] = CACHE
else:
    from releasectl.startup.bytecode_cache import unpack

    unpack(sys.argv[0], CACHE)
from releasectl.cli import main  # noqa: E402

gc.freeze()
gc.enable()
code = main()
sys.stdout.flush()
# Without the interpreter's clean-up, which takes time and frees nothing that the end of the process does not free.
os._exit(code)
