# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""
One answer for all hosts of a run. Ansible serves each host by a process of its own, forked from the one that loaded the
plugin: what was made when it was loaded, they share.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from typing import Any


class Once:
    """
    Answers by question. They are in a file without a name: other users and later runs never see it, and what is secret
    in it is gone with the run.
    """

    def __init__(self) -> None:
        # A descriptor, for as long as the run lasts: Python warns of a file object that nobody closes.
        self._number, path = tempfile.mkstemp()
        os.unlink(path)

    def get(self, question: dict[str, Any], ask: Callable[[], Any]) -> Any:
        """What `ask` answered the first time (JSON); others wait for it. An exception is not kept."""
        key = hashlib.sha256(json.dumps(question, sort_keys=True, default=str).encode()).hexdigest()
        number = self._number
        # A lock of the process (POSIX): the file's own would be one for all who share it.
        fcntl.lockf(number, fcntl.LOCK_EX)
        try:
            answers = json.loads(os.pread(number, os.fstat(number).st_size, 0) or b"{}")
            if key not in answers:
                answers[key] = ask()
                os.pwrite(number, json.dumps(answers).encode(), 0)
            return answers[key]
        finally:
            fcntl.lockf(number, fcntl.LOCK_UN)
