"""HAProxy: its runtime socket, its maps and counters."""
