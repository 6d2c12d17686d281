"""releasectl: deploys and rolls back releases of a service on this host, as crash-safe transactions."""

__version__ = "0.1.0"
