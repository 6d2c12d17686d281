"""The commands: each gathers what it needs from the host, decides with rollout/, and answers a Result or text."""
