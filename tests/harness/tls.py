"""What a client sees of a certificate."""

from __future__ import annotations

import socket
import ssl

from cryptography import x509


def served_certificate(name: str, ca_file: str | None) -> x509.Certificate:
    """The certificate at name:443; chain and name are verified by the handshake. Raises ssl.SSLError."""
    context = ssl.create_default_context(cafile=ca_file)
    with (
        socket.create_connection((name, 443), timeout=10) as raw,
        context.wrap_socket(raw, server_hostname=name) as tls,
    ):
        der = tls.getpeercert(binary_form=True)
    if not der:
        raise ssl.SSLError(f"{name} sent no certificate")
    return x509.load_der_x509_certificate(der)
