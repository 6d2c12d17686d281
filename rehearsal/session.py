"""The AWS CLI as far as tools/ssm_ssh needs it: Session Manager's tunnel to a port of an instance.

aws ssm start-session --region R --target ID --document-name AWS-StartSSHSession --parameters portNumber=22

On PATH as `aws` during a rehearsal. As with AWS, the instance must run and its agent must be up.
"""

from __future__ import annotations

import os
import selectors
import socket
import subprocess
import sys
from collections.abc import Sequence

from . import instances

CHUNK = 65536


class Refused(Exception):
    """Why there is no session, in the words of the AWS CLI."""


def target(arguments: Sequence[str]) -> tuple[str, int]:
    """Instance and port. Raises Refused for any other command."""
    words = list(arguments)
    options = {words[i]: words[i + 1] for i in range(len(words) - 1) if words[i].startswith("--")}
    port = options.get("--parameters", "").partition("portNumber=")[2]
    if words[:2] != ["ssm", "start-session"] or options.get("--document-name") != "AWS-StartSSHSession" or not port:
        raise Refused(f"The rehearsal plays `aws ssm start-session` for SSH only, not: aws {' '.join(arguments)}")
    return options["--target"], int(port)


def address(instance_id: str) -> str:
    """The instance's address on the VPC's network. Raises Refused."""
    container = instances.name(instance_id)
    agent = subprocess.run(
        ["docker", "exec", container, "systemctl", "is-active", "amazon-ssm-agent"], capture_output=True, text=True
    )
    if agent.stdout.strip() != "active":
        raise Refused(
            f"An error occurred (TargetNotConnected) when calling the StartSession operation: {instance_id} is not "
            f"connected. (Its agent is {agent.stdout.strip() or agent.stderr.strip() or 'not there'}.)"
        )
    form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    return subprocess.run(
        ["docker", "inspect", "--format", form, container], capture_output=True, text=True, check=True
    ).stdout.strip()


def relay(connection: socket.socket) -> None:
    """Standard input and output to the connection and back, until either side ends."""
    with selectors.DefaultSelector() as ready:
        ready.register(0, selectors.EVENT_READ)
        ready.register(connection, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                if key.fd == 0:
                    if data := os.read(0, CHUNK):
                        connection.sendall(data)
                    else:
                        connection.shutdown(socket.SHUT_WR)
                        ready.unregister(0)
                else:
                    if not (data := connection.recv(CHUNK)):
                        return
                    while data:
                        data = data[os.write(1, data) :]


def main(arguments: Sequence[str]) -> int:
    try:
        instance_id, port = target(arguments)
        with socket.create_connection((address(instance_id), port), timeout=10) as connection:
            connection.settimeout(None)
            relay(connection)
    except (Refused, OSError) as error:
        print(error, file=sys.stderr)
        return 254
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
