"""What of a rehearsal a topology has no part for, and what cannot be played yet, with the reason."""

from __future__ import annotations

# Of every topology.
NOT_COVERED = (
    "security groups, NACLs, NAT and routes of the VPC filter nothing",
    "conditions of IAM policies, and their resources outside of S3",
    "alarms, budgets, backups and mails are made and never act",
    "capacity, quotas, prices and the speed of AWS",
    "arm64, Ubuntu",
)
# Topology → steps that it has no part for.
WITHOUT = {"single": {"balancer"}, "serverless": {"boot", "metadata", "balancer"}}
_RELEASE = ("build", "site.yml", "verify", "pipeline", "rollback", "restart", "replace")
# Topology → step → why it is not played.
UNPLAYED = {
    "fleet": dict.fromkeys(_RELEASE, "the hosts of a fleet converge by a bundle of playbooks, which nothing makes yet"),
    "ecs": dict.fromkeys(("boot", "metadata", *_RELEASE), "no task of ECS is started"),
    "serverless": dict.fromkeys(_RELEASE, "no function of Lambda is started"),
}
