"""
Publishes newer versions of installed packages, as Debian's security team would: in a repository on this host, whose
Release file has its origin, label and codename. What is in the packages is the same; their files are new ones. The
arguments are the names of the packages.
"""

from __future__ import annotations

import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time

REPOSITORY = "/var/tmp/security"
SOURCE = "/etc/apt/sources.list.d/security.list"
RELEASE = """\
Origin: Debian
Label: Debian-Security
Suite: stable-security
Codename: {codename}-security
Date: {date}
SHA256:
 {digest} {size} Packages
"""


def run(*argv: str) -> str:
    return subprocess.run(argv, cwd=REPOSITORY, check=True, stdout=subprocess.PIPE, text=True).stdout


def publish(name: str, version: str) -> str:
    """Returns its paragraph in the list of packages."""
    installed = run("dpkg-query", "--show", "--showformat", "${Version}", name)
    # The distribution's own, also after an earlier one of ours.
    run("apt-get", "download", "--quiet", f"{name}={installed.partition('+security')[0]}")
    (old,) = glob.glob(f"{REPOSITORY}/{name}_*.deb")
    run("dpkg-deb", "--raw-extract", old, "tree")
    control = f"{REPOSITORY}/tree/DEBIAN/control"
    with open(control) as file:
        text = re.sub(r"^(Version: .*)$", rf"\1{version}", file.read(), flags=re.MULTILINE)
    with open(control, "w") as file:
        file.write(text)
    new = f"{REPOSITORY}/{name}.deb"
    # Uncompressed: it is quicker.
    run("dpkg-deb", "--build", "-Znone", "tree", new)
    shutil.rmtree(f"{REPOSITORY}/tree")
    os.remove(old)
    with open(new, "rb") as deb:
        data = deb.read()
    digest = hashlib.sha256(data).hexdigest()
    return f"{text.strip()}\nFilename: ./{name}.deb\nSize: {len(data)}\nSHA256: {digest}\n"


def main(names: list[str]) -> None:
    shutil.rmtree(REPOSITORY, ignore_errors=True)
    os.makedirs(REPOSITORY)
    if not names:
        if os.path.exists(SOURCE):
            os.remove(SOURCE)
        return
    version = f"+security{int(time.time())}"
    packages = "\n".join(publish(name, version) for name in names).encode()
    with open(f"{REPOSITORY}/Packages", "wb") as file:
        file.write(packages)
    with open("/etc/os-release") as file:
        (codename,) = re.findall(r"^VERSION_CODENAME=(\w+)", file.read(), re.MULTILINE)
    date = time.strftime("%a, %d %b %Y %H:%M:%S UTC", time.gmtime())
    with open(f"{REPOSITORY}/Release", "w") as file:
        file.write(
            RELEASE.format(
                codename=codename, date=date, digest=hashlib.sha256(packages).hexdigest(), size=len(packages)
            )
        )
    with open(SOURCE, "w") as file:
        file.write(f"deb [trusted=yes] file:{REPOSITORY} ./\n")
    run("apt-get", "update", "--quiet")


if __name__ == "__main__":
    main(sys.argv[1:])
