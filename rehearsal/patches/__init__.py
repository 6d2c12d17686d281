"""What moto lacks or does differently from AWS, one module each, with its reason. Each could go upstream.

They change moto in the process that serves it (rehearsal/cloud.py) and nowhere else.
"""

from __future__ import annotations

from . import (
    ami_parameters,
    api_domains,
    backups,
    balancer_interfaces,
    bucket_log_policies,
    bucket_replication,
    bucket_tls_policies,
    budgets,
    cpu_credits,
    detailed_monitoring,
    dlm,
    elastic_addresses,
    functions,
    gateway_interfaces,
    group_rule_descriptions,
    interface_groups,
    launch_template_tags,
    public_addresses,
    reboots,
    repository_templates,
    role_policies,
    scalable_target_tags,
    scaling_groups,
    scaling_hooks,
    scaling_policies,
    services,
    target_health,
    termination_protection,
    throttling,
)

ALL = (
    ami_parameters,
    api_domains,
    backups,
    balancer_interfaces,
    bucket_log_policies,
    bucket_replication,
    bucket_tls_policies,
    budgets,
    cpu_credits,
    detailed_monitoring,
    dlm,
    elastic_addresses,
    functions,
    gateway_interfaces,
    group_rule_descriptions,
    interface_groups,
    launch_template_tags,
    public_addresses,
    reboots,
    repository_templates,
    role_policies,
    scalable_target_tags,
    scaling_groups,
    scaling_hooks,
    scaling_policies,
    services,
    target_health,
    termination_protection,
    throttling,
)


def apply() -> None:
    for patch in ALL:
        patch.apply()
