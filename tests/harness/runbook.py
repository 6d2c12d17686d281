"""The commands of the runbooks on call, as a reader copies them from a page, and those that no test runs like that."""

from __future__ import annotations

import re
from pathlib import Path

RUNBOOKS = Path(__file__).parent.parent.parent / "docs" / "runbooks"
# What the reader sets first; a page without it has no commands for a host.
SETUP = "host=inference-1 env=local"
ON_HOST = "host$ "

AWS = "the AWS CLI: the lab has its API, which is asked by other programs there"
MODELS = "tests/e2e/test_models.py publishes a model, deploys it and rolls back"
NOT_RUN = {
    "host$ chronyc tracking; chronyc sources": "of hosts with chrony; ours have systemd-timesyncd",
    "host$ sudo timedatectl set-time '2026-11-21 07:46:00'": "the clock of a lab host is its machine's",
    "host$ timedatectl timesync-status": "systemd-timesyncd does not run in a container",
    "host$ resolvectl status --no-pager": "of hosts with systemd-resolved, as on EC2; ours ask Docker's DNS",
    "make verify ENV=$env HOST=$host": "tests/e2e/test_first_light.py; this host has the settings of the fault tests",
    "aws s3 ls s3://slipway-prod-backups-123456789012/hosts/": AWS,
    "aws s3api list-object-versions --bucket slipway-prod-backups-123456789012"
    " --prefix hosts/api.example.com.tar.gz": AWS,
    "aws s3api copy-object --bucket slipway-prod-backups-123456789012 --key hosts/api.example.com.tar.gz"
    " --copy-source 'slipway-prod-backups-123456789012/hosts/api.example.com.tar.gz?versionId=VERSION'": AWS,
    "aws ecr describe-images --region eu-central-1 --repository-name inference --query 'imageDetails[].imageTags'"
    " --output text": AWS,
    "aws ec2 describe-nat-gateways --region eu-central-1"
    " --query 'NatGateways[].[NatGatewayId,State,FailureMessage]' --output text": AWS,
    "aws ec2 describe-vpc-endpoints --region eu-central-1 --query 'VpcEndpoints[].[ServiceName,State]'"
    " --output text": AWS,
    "aws health describe-events --region us-east-1 --filter 'regions=eu-central-1,eventStatusCodes=open'": AWS,
    "terraform -chdir=terraform/environments/$env plan": "the lab has no environment; the rehearsal plans and applies",
    "terraform -chdir=terraform/environments/$env apply"
    " -replace='module.host[\"inference-1\"].aws_instance.this'": "as the one before; the rehearsal replaces a host",
    'docker rm --force "slipway-lab-$host"; docker volume rm "slipway-lab-$host-docker"; make infra-local':
        "tests/e2e/test_lost_host.py loses a host of its own like that",
    "$(tools/tool_venv app app/requirements-test.lock)/python app/tools/train.py --model-version m2 --out /tmp/m2":
        MODELS,
    ".venv/bin/ansible-playbook -i inventory/$env playbooks/models/list.yml": f"of all hosts; {MODELS}",
    "make rollback ENV=$env HOST=$host REASON='m2 is too sure of itself'": MODELS,
}  # fmt: skip
# A converge takes a while and sets the host back to the inventory, an upgrade takes minutes, and a model has to be
# there first: of these, a test asks Ansible for their tasks, which checks the playbook, its options and its tags.
LISTED = ("site.yml", "playbooks/upgrade.yml", "playbooks/models/publish.yml", "-e model=", "-e strategy=stop_first")


def pages() -> list[str]:
    """The names of the pages with commands for a host."""
    return [page.name for page in sorted(RUNBOOKS.glob("*.md")) if f"    {SETUP}\n" in page.read_text()]


def commands(page: str) -> list[str]:
    """In the order of the page. Lines that a backslash joins are one; comments at the end are left out."""
    text = re.sub(r" *\\\n\s+", " ", (RUNBOOKS / page).read_text())
    lines = (re.sub(r"\s{2,}#.*", "", line) for line in re.findall(r"^ {4,}(\S.*)$", text, re.MULTILINE))
    return [line for line in lines if line != SETUP]


def is_run_before(line: str, page: str) -> bool:
    """What the controller runs takes seconds: once is enough."""
    return not line.startswith(ON_HOST) and any(line in commands(name) for name in pages() if name < page)


def is_listed(line: str) -> bool:
    return "ansible-playbook " in line and any(it in line for it in LISTED)
