# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""
HTTP requests from the controller: through the proxy that the environment names (HTTPS_PROXY, NO_PROXY …), verified
against exactly the CA bundle that the caller chose.

requests reads the environment only as a whole (`trust_env`), and with the proxies come two things that must not be:
passwords of ~/.netrc, sent to whatever answers, and REQUESTS_CA_BUNDLE in place of an explicit bundle. So `trust_env`
is off, and the proxies are looked up here, by requests' own rules.
"""

from __future__ import annotations

import functools
from typing import Any

from ansible.module_utils.basic import missing_required_lib

try:
    import requests
    import requests.utils
except ImportError:
    HAS_REQUESTS = False
else:
    HAS_REQUESTS = True


class WebError(Exception):
    """No answer came; the text says why, and never contains a password."""


def request(method: str, url: str, verify: str | bool, **given: Any) -> requests.Response:
    """One request, with what requests takes in `given`. Raises WebError."""
    if not HAS_REQUESTS:
        raise WebError(missing_required_lib("requests"))
    try:
        proxies = requests.utils.get_environ_proxies(url)
        return _connections().request(method, url, verify=verify, proxies=proxies, **given)
    except requests.exceptions.ProxyError as error:
        raise WebError(f"{error} (the proxy of HTTPS_PROXY in the environment; NO_PROXY names exceptions)") from error
    # A bundle that does not exist is an OSError, a URL that cannot be parsed a ValueError.
    except (OSError, ValueError) as error:
        raise WebError(str(error)) from error


@functools.cache
def _connections() -> requests.Session:
    """Connections are kept for the requests that follow."""
    http = requests.Session()
    http.trust_env = False
    return http
