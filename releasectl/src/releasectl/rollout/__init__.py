"""What decides, waits and judges: phases, effects, gates, canary, recovery. It reaches the host by ports.py alone."""
