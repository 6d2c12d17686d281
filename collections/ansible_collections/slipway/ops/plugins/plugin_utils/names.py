# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The closest known names to a misspelt one."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches
from typing import Any

# How much less alike than the closest name another may be.
MARGIN = 0.15


def did_you_mean(name: Any, known: Iterable[str]) -> str:
    """`; did you mean steps, step_s?`, or nothing where no name is close."""
    close = get_close_matches(str(name), sorted(known), n=3, cutoff=0.6)
    likeness = [SequenceMatcher(None, it, str(name)).ratio() for it in close]
    close = [it for it, like in zip(close, likeness, strict=True) if like > likeness[0] - MARGIN]
    return f"; did you mean {', '.join(close)}?" if close else ""
