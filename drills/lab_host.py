"""A host of the lab, as a drill handles it. There is no way from here to any other host."""

from __future__ import annotations

import json
import subprocess

from .incidents import Incident

TIMEOUT_S = 600.0


class NotRunning(Exception):
    """The host is not in the lab, or the lab does not run."""


class LabHost:
    def __init__(self, name: str) -> None:
        self.name = name

    def break_it(self, incident: Incident) -> None:
        """Raises NotRunning, CalledProcessError."""
        self._shell(incident.break_it, check=True)

    def undo(self, incident: Incident) -> None:
        self._shell(incident.undo)

    def troubles(self, incident: Incident) -> list[str]:
        """What is still wrong; empty: fixed."""
        done = self._shell("releasectl status --json")
        status = json.loads(done.stdout)
        found = [str(it) for it in [status["serving_cause"], *status["troubles"]] if it]
        if not found and done.returncode:
            found = [f"releasectl status exited with code {done.returncode}"]
        if not found and self._shell(incident.fixed).returncode:
            found = [incident.pager]
        return found

    def _shell(self, script: str, check: bool = False) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ("docker", "exec", f"slipway-lab-{self.name}", "sh", "-c", script),
            capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
        )  # fmt: skip
        if any(
            it in done.stderr for it in ("No such container", "is not running", "Cannot connect to the Docker daemon")
        ):
            raise NotRunning(
                f"{self.name} does not run: start the lab with LAB_HOSTS=… make infra-local, then site.yml."
            )
        if check:
            done.check_returncode()
        return done
