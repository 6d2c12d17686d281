"""The public parameters in which Debian and Canonical name their latest machine images, and those images.

AWS: https://wiki.debian.org/Cloud/AmazonEC2Image, https://documentation.ubuntu.com/aws/aws-how-to/instances/find-ubuntu-images/
moto knows the parameters of Amazon's own images only.
"""

from __future__ import annotations

from typing import Any

from moto.ec2.models import amis
from moto.ssm import models

PREFIXES = ("/aws/service/debian/", "/aws/service/canonical/")
# Image → the parameter that names it. The reconciler takes the suite from the image's name (rehearsal/instances.py).
IMAGES = {
    "ami-0deb12a0000000064": ("debian-12-amd64", "x86_64", "/aws/service/debian/release/12/latest/amd64"),
    "ami-0deb12b0000000064": ("debian-12-arm64", "arm64", "/aws/service/debian/release/12/latest/arm64"),
    "ami-0deb13a0000000064": ("debian-13-amd64", "x86_64", "/aws/service/debian/release/13/latest/amd64"),
    "ami-0deb13b0000000064": ("debian-13-arm64", "arm64", "/aws/service/debian/release/13/latest/arm64"),
    "ami-0cab24a0000000064": (
        "ubuntu-24.04-amd64",
        "x86_64",
        "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id",
    ),
    "ami-0cab24b0000000064": (
        "ubuntu-24.04-arm64",
        "arm64",
        "/aws/service/canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id",
    ),
}


def image(ami_id: str) -> dict[str, Any]:
    """An image as moto's own list of images has it."""
    name, architecture, _ = IMAGES[ami_id]
    return {
        "ami_id": ami_id,
        "name": name,
        "description": name,
        "owner_id": "099720109477" if name.startswith("ubuntu") else "136693071363",
        "public": True,
        "virtualization_type": "hvm",
        "architecture": architecture,
        "state": "available",
        "platform": "Linux/UNIX",
        "image_type": "machine",
        "hypervisor": "xen",
        "root_device_name": "/dev/xvda",
        "root_device_type": "ebs",
        "sriov": "simple",
    }


def apply() -> None:
    known = models.ParameterDict._check_loading_status

    def check(self: Any, key: str) -> None:
        known(self, key)
        if not str(key or "").startswith(PREFIXES):
            return
        for ami_id, (_, _, name) in IMAGES.items():
            versions = super(models.ParameterDict, self).__getitem__(name)
            if not versions:
                versions.append(
                    models.Parameter(
                        account_id=self.account_id,
                        name=name,
                        value=ami_id,
                        parameter_type="String",
                        description=None,
                        allowed_pattern=None,
                        keyid=None,
                        last_modified_date=1767225600.0,
                        version=1,
                        data_type="aws:ec2:image",
                    )
                )

    models.ParameterDict._check_loading_status = check
    load = amis.AmiBackend._load_amis

    def load_all(self: Any) -> None:
        load(self)
        for ami_id in IMAGES:
            self.amis[ami_id] = amis.Ami(self, **image(ami_id))

    amis.AmiBackend._load_amis = load_all
