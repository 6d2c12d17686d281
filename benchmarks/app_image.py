"""The size of the image, and of its dependencies: `python -m benchmarks.app --image inference:v1.0.0`."""

from __future__ import annotations

import subprocess

DEPENDENCIES_MB = 145

# Run in the image: it has no `du` in every base, but Python always.
_SUM = """
import os, sysconfig
folders = os.walk(sysconfig.get_path("purelib"))
print(sum(os.lstat(os.path.join(folder, name)).st_size for folder, _, names in folders for name in names))
"""


def _docker(*argv: str) -> str:
    done = subprocess.run(["docker", *argv], capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise RuntimeError(f"docker {argv[0]} failed:\n{done.stderr}")
    return done.stdout.strip()


def sizes(image: str) -> tuple[float, float]:
    """MB (of a million bytes) of the whole image with its base, and of the dependencies that it imports."""
    whole = int(_docker("image", "inspect", "--format", "{{.Size}}", image))
    dependencies = int(_docker("run", "--rm", "--network=none", "--entrypoint=python", image, "-c", _SUM))
    return whole / 1e6, dependencies / 1e6
