# Shortcuts: every target runs commands that README.md lists. ENV selects the inventory (local, dev, staging, prod).
ENV ?= local
VERSION ?=
REASON ?=
# From the command line only: some shells export HOST as the name of this machine.
SERVICE =
HOST =
TOPOLOGY =
N =
UNDO =
WATCH =
# User input is never expanded: `$(value …)` reads it, and make does not export it. The reason is passed in an
# environment variable, which needs no quoting.
unexport VERSION REASON SERVICE HOST TOPOLOGY N UNDO WATCH
# Some containers set it: every run of Ansible would compile its libraries again, for a second.
unexport PYTHONDONTWRITEBYTECODE
ifdef REASON
export SLIPWAY_REASON = $(value REASON)
endif
# $(1) as one shell word, and as a JSON string: Ansible would split `-e version=…` at spaces and quotes.
quote = '$(subst ','\'',$(1))'
json = "$(subst ",\",$(subst \,\\,$(1)))"
input = --extra-vars $(call quote,{"$(1)": $(call json,$(2))})
version = $(if $(value VERSION),$(call input,version,$(value VERSION)))
service = $(if $(value SERVICE),$(call input,service,$(value SERVICE)))
limit = $(if $(value HOST),--limit $(call quote,$(value HOST)))
PLAY = .venv/bin/ansible-playbook --inventory inventory/$(ENV)
PYTHON = .venv/bin/python
PYTEST = $(PYTHON) -m pytest
# A rehearsal plays an environment of AWS; the lab's is none.
REHEARSED = $(patsubst local,dev,$(ENV))
# The number of the lab host that the fault tests break; the other tests do not use it.
FAULTS_HOST = 4

.DEFAULT_GOAL := help
.PHONY: help deploy infra-local infra-dev infra-staging infra-prod build rollback status verify cost quotas
.PHONY: rehearse rehearse-faults rehearse-all rehearse-down FORCE lint test test-unit test-app test-terraform test-e2e test-faults bench bench-app
.PHONY: drill down

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# During an incident the inventory's version may be older than the one that is live: only VERSION replaces it, for its service.
deploy: .venv/.ok infra-$(ENV) ## Converge the hosts and deploy VERSION; ENV=local: start the lab first [VERSION= SERVICE= HOST= REASON=]
	$(PLAY) site.yml -e release_forward_only=true $(version) $(service) $(limit)

infra-local: .venv/.ok
	$(PLAY) playbooks/lab/up.yml
	$(PLAY) playbooks/build.yml $(call input,version,$(or $(value VERSION),v1.0.0)) -e build_existing=keep

# Terraform provisions the infrastructure of these environments, see docs/terraform.md.
infra-dev infra-staging infra-prod:

build: .venv/.ok ## Build the image of app/ and push it [VERSION=]
	$(PLAY) playbooks/build.yml $(version)

rollback: .venv/.ok ## Roll back to VERSION, or to the previous release [VERSION= SERVICE= HOST= REASON=]
	$(PLAY) playbooks/rollback.yml $(version) $(service) $(limit)

rehearse: .venv/.ok ## Rehearse ENV (dev) on this machine without an account: apply, converge, deploy, verify, destroy [TOPOLOGY=]
	$(PYTHON) -m rehearsal up $(REHEARSED) $(if $(value TOPOLOGY),--topology $(call quote,$(value TOPOLOGY)))

rehearse-faults: .venv/.ok ## Rehearse ENV (dev) while AWS fails: throttling, user data, zone, registry, a lost instance
	$(PYTHON) -m rehearsal faults $(REHEARSED)

# Nightly: each environment, and every topology applied and destroyed against the AWS stand-in.
rehearse-all: .venv/.ok ## Rehearse dev in every topology, staging and prod, then with faults, then apply and destroy every topology (60 min)
	$(PYTHON) -m rehearsal up dev
	$(PYTHON) -m rehearsal up dev --topology fleet
	$(PYTHON) -m rehearsal up dev --topology ecs
	$(PYTHON) -m rehearsal up dev --topology serverless
	$(PYTHON) -m rehearsal up staging
	$(PYTHON) -m rehearsal up prod
	$(PYTHON) -m rehearsal faults dev
	$(PYTEST) terraform/tests -m nightly

rehearse-down: .venv/.ok ## Remove what a rehearsal of ENV (dev) has left
	$(PYTHON) -m rehearsal down $(REHEARSED)

status: .venv/.ok ## Show whether clients are served, what is live and its history; WATCH=yes: every two seconds, without history [SERVICE= HOST= WATCH=]
ifdef WATCH
	.venv/bin/fab status --watch --env $(ENV) \
	  $(if $(value SERVICE),--service $(call quote,$(value SERVICE))) $(if $(value HOST),--host $(call quote,$(value HOST)))
else
	$(PLAY) playbooks/status.yml $(service) $(limit)
endif

verify: .venv/.ok ## Verify that the hosts match the inventory, by the tests in tests/host (read-only) [HOST=]
	$(PYTEST) tests/host --env $(ENV) $(limit)

lint: .venv/.ok ## Run the linters and type checkers
	$(PYTEST) tests/repo/test_lint.py tests/repo/test_workflows.py

# The tests that need no lab run while the lab starts and dev is rehearsed; then the fault tests run beside the other lab tests.
test: .venv/.ok ## Run all tests; starts the lab. REHEARSE=yes: rehearse dev as well [REHEARSE=]
	$(MAKE) --jobs 2 ENV=local VERSION= LAB_HOSTS=$(FAULTS_HOST) infra-local $(if $(REHEARSE),test-rehearsal) test-terraform test-app test-unit
	$(MAKE) --jobs 2 ENV=local VERSION= test-faults test-e2e

# After the lab: on a new machine both would install Docker.
test-rehearsal: infra-local
	$(PYTHON) -m rehearsal up dev
	$(PYTEST) tests/balancer

test-unit: .venv/.ok
	$(PYTEST) releasectl/tests --numprocesses 2 --dist loadfile
	$(PYTEST) tests/collection tests/roles tests/repo tests/rehearsal --numprocesses 2 --dist loadfile

test-app: .venv/.ok
	tools=$$(tools/tool_venv app app/requirements-test.lock) && cd app \
	  && "$$tools/python" -m mypy && "$$tools/python" -m ruff check . && "$$tools/python" -m ruff format --check . \
	  && "$$tools/python" -m pytest tests --cov --cov-config=pyproject.toml

test-terraform: .venv/.ok
	$(PYTEST) terraform/tests -m 'not nightly'

# The same, and every topology applied and destroyed against the AWS stand-in.
test-terraform-all: .venv/.ok
	$(PYTEST) terraform/tests

test-e2e: .venv/.ok
	LAB_HOSTS=1 $(PYTEST) --durations 20 tests/e2e tests/fleet

test-faults: export LAB_HOSTS = $(FAULTS_HOST)
test-faults: .venv/.ok ## Run the tests of faults and of the converge on host 4 (start the lab with LAB_HOSTS=4 make infra-local)
	$(PLAY) site.yml --limit inference-$(FAULTS_HOST)
	SLIPWAY_LAB_HOST=inference-$(FAULTS_HOST) $(PYTEST) --durations 20 tests/faults
	SLIPWAY_LAB_HOST=inference-$(FAULTS_HOST) $(PYTEST) --durations 20 tests/converge

bench: .venv/.ok ## Run the benchmarks and update docs/benchmarks.md
	.venv/bin/python -m benchmarks.commands
	.venv/bin/python -m benchmarks.converge

bench-app: .venv/.ok ## Compare the inference service with other model servers
	.venv/bin/python -m benchmarks.app --overload 60

drill: .venv/.ok ## Break a lab host as incident N of 12, and wait until you have fixed it [N= HOST= UNDO=yes]
	$(PYTHON) -m drills $(if $(value N),$(call quote,$(value N))) \
	  $(if $(value HOST),--host $(call quote,$(value HOST))) $(if $(value UNDO),--undo)

cost: .venv/.ok ## Estimate the monthly cost of the plan of ENV
	.venv/bin/python terraform/tools/cost.py $(ENV)

quotas: .venv/.ok ## Check that the AWS quotas of ENV have room for its plan
	.venv/bin/python terraform/tools/quotas.py $(ENV)

down: .venv/.ok ## Remove the lab
	$(PLAY) playbooks/lab/down.yml

.venv/.ok: requirements.lock tools/bootstrap
	tools/bootstrap

# With CI=true every virtual environment (those of tools are below .venv) is created again, once per make and its children:
# an environment of an earlier run would hide that a lock no longer installs. A rollback does not wait for that.
ifeq ($(CI) $(ENVIRONMENTS_ARE_NEW)$(filter rollback status,$(MAKECMDGOALS)),true )
.venv/.ok: FORCE
endif
export ENVIRONMENTS_ARE_NEW := yes
FORCE:
