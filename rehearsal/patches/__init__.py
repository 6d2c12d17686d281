"""What moto lacks or does differently from AWS, one module each, with its reason. Each could go upstream.

They change moto in the process that serves it (rehearsal/cloud.py) and nowhere else.
"""

from __future__ import annotations

from . import (
    ami_parameters,
    backups,
    bucket_log_policies,
    bucket_replication,
    bucket_tls_policies,
    budgets,
    cpu_credits,
    detailed_monitoring,
    dlm,
    elastic_addresses,
    interface_groups,
    public_addresses,
    reboots,
    repository_templates,
    role_policies,
    termination_protection,
    throttling,
)

ALL = (
    ami_parameters,
    backups,
    bucket_log_policies,
    bucket_replication,
    bucket_tls_policies,
    budgets,
    cpu_credits,
    detailed_monitoring,
    dlm,
    elastic_addresses,
    interface_groups,
    public_addresses,
    reboots,
    repository_templates,
    role_policies,
    termination_protection,
    throttling,
)


def apply() -> None:
    for patch in ALL:
        patch.apply()
