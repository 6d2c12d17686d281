"""releasectl: puts a release of a service live on this host, and takes it back, as one crash-safe transaction."""

__version__ = "0.1.0"
