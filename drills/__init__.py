"""Incidents to practise on a host of the lab: see docs/runbooks/README.md, section Drills."""
