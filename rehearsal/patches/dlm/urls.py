"""Addresses of the API. Clients end some with a slash or without; one that ends with it is found by both."""

from __future__ import annotations

from .responses import DLMResponse

url_bases = [r"https?://dlm\.(.+)\.amazonaws\.com"]
url_paths = {
    "{0}/policies$": DLMResponse.dispatch,
    "{0}/policies/(?P<policy>[^/]+)/$": DLMResponse.dispatch,
    "{0}/tags/(?P<arn>.+)$": DLMResponse.dispatch,
}
