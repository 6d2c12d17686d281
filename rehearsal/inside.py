"""What a host says of itself, asked by Docker: whether it booted, and what its metadata service answers."""

from __future__ import annotations

import json
from typing import Any

from . import shell

# Run in the host. A request without a token, then one path after another with a token.
PROBE = r"""
set -eu
base=http://169.254.169.254/latest
printf 'without %s\n' "$(curl -s -o /dev/null -m 5 -w '%{http_code}' $base/meta-data/instance-id)"
token=$(curl -sf -m 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' $base/api/token)
get() { curl -sf -m 20 -H "X-aws-ec2-metadata-token: $token" "$base/$1"; }
role=$(get meta-data/iam/security-credentials/)
printf 'id %s\n' "$(get meta-data/instance-id)"
printf 'region %s\n' "$(get meta-data/placement/region)"
printf 'address %s\n' "$(get meta-data/local-ipv4)"
printf 'name %s\n' "$(get meta-data/tags/instance/Name)"
printf 'identity %s\n' "$(get dynamic/instance-identity/document | tr -d '\n')"
printf 'credentials %s\n' "$(get "meta-data/iam/security-credentials/$role" | grep -c AccessKeyId)"
"""


def address(container: str) -> str:
    return shell.docker("inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", container)


def agent_is_up(container: str) -> bool:
    return shell.docker("exec", container, "systemctl", "is-active", "amazon-ssm-agent") == "active"


def back_up(container: str) -> None:
    """Now, and not within minutes. Raises Failed with its log when it failed."""
    script = "systemctl start slipway-backup || { journalctl -u slipway-backup -n 20 --no-pager; exit 1; }"
    shell.run(["docker", "exec", container, "sh", "-c", script], deadline_s=120)


def certificate(container: str) -> str:
    """The serial number of the certificate that HAProxy serves."""
    return shell.docker("exec", container, "sh", "-c", "openssl x509 -noout -serial -in /etc/haproxy/certs/*.pem")


def cloud_init(container: str, deadline_s: float) -> str:
    """Wait for cloud-init. Raises Failed with its log when it failed."""
    said = shell.run(
        ["docker", "exec", container, "timeout", str(int(deadline_s)), "cloud-init", "status", "--wait", "--long"],
        deadline_s=deadline_s + 10, ok=(0, 1, 2, 124),
    )  # fmt: skip
    if "status: done" not in said:
        output = shell.run(
            ["docker", "exec", container, "tail", "-n", "40", "/var/log/cloud-init-output.log"], ok=(0, 1)
        )
        raise shell.Failed(f"cloud-init failed on {container}:\n{said.strip()}\n{output.strip()}")
    shell.wait_for("the SSM agent", lambda: agent_is_up(container), 30)
    return said.strip()


def metadata(container: str) -> dict[str, str]:
    lines = shell.docker("exec", container, "sh", "-c", PROBE).splitlines()
    return dict(line.split(" ", 1) for line in lines if " " in line)


def differences(found: dict[str, str], described: dict[str, Any], region: str) -> list[str]:
    """Where the answers are not what the API says of the instance."""
    tags = {t["Key"]: t["Value"] for t in described.get("Tags", [])}
    expected = {
        "without": "401",
        "id": described["InstanceId"],
        "region": region,
        "address": described["PrivateIpAddress"],
        "name": tags.get("Name", ""),
        "credentials": "1",
    }
    wrong = [f"{k} is {found.get(k)}, not {v}" for k, v in expected.items() if found.get(k) != v]
    document = json.loads(found.get("identity", "{}"))
    for key, value in (("instanceId", described["InstanceId"]), ("region", region)):
        if document.get(key) != value:
            wrong.append(f"the identity document's {key} is {document.get(key)}, not {value}")
    return wrong
