"""What exists only because a command has to start within milliseconds (docs/startup.md)."""
