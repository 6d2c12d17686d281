"""Plays a whole environment on this machine, from `terraform apply` to a live release: docs/rehearsal.md."""
