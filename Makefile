# A thin face: every target is one line that a person could type. ENV picks the inventory (local, dev, staging, prod).
ENV ?= local
VERSION ?=
SERVICE ?=
HOST ?=
REASON ?=
# What a person typed is never expanded: `$(value …)` reads it, and make does not export it. The reason travels in an
# environment variable, which needs no quoting.
unexport VERSION SERVICE HOST REASON
ifdef REASON
export SLIPWAY_REASON = $(value REASON)
endif
# $(1) as one word of the shell, and as a JSON string: Ansible would split `-e version=…` at spaces and quotes.
quote = '$(subst ','\'',$(1))'
json = "$(subst ",\",$(subst \,\\,$(1)))"
input = --extra-vars $(call quote,{"$(1)": $(call json,$(2))})
version = $(call input,version,$(1))
service = $(if $(value SERVICE),$(call input,service,$(value SERVICE)))
host = $(if $(value HOST),--limit $(call quote,$(value HOST)))
wanted = $(strip $(if $(value VERSION),$(call version,$(value VERSION))) $(service) $(host))
PLAY = .venv/bin/ansible-playbook --inventory inventory/$(ENV)
PYTEST = .venv/bin/python -m pytest
# The lab's host, by its number, that the faults break and that the other tests leave alone.
FAULTS_HOST = 4

.DEFAULT_GOAL := help
.PHONY: help deploy ground-local ground-dev ground-staging ground-prod build rollback status verify cost preflight
.PHONY: FORCE test test-unit test-app test-terraform test-e2e test-faults bench bench-app down

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deploy: .venv/.ok ground-$(ENV) ## Converge ENV and make the wanted version live (for ENV=local: with its lab)
	$(PLAY) site.yml $(wanted)

ground-local: .venv/.ok
	$(PLAY) playbooks/lab/up.yml
	$(PLAY) playbooks/build.yml $(call version,$(or $(value VERSION),v1.0.0)) -e build_existing=keep

# Terraform made the ground of these, see docs/terraform.md.
ground-dev ground-staging ground-prod:

build: .venv/.ok ## Build app/ as VERSION and push it
	$(PLAY) playbooks/build.yml $(if $(value VERSION),$(call version,$(value VERSION)))

rollback: .venv/.ok ## Roll back to VERSION, or to the release before
	$(PLAY) playbooks/rollback.yml $(wanted)

status: .venv/.ok ## Show what is live on each host
	$(PLAY) playbooks/status.yml $(strip $(service) $(host))

verify: .venv/.ok ## Prove that the hosts are as the inventory says (only reads)
	$(PYTEST) tests/host --env $(ENV)

# What needs no lab, beside the making of it; then the faults beside the other tests of the lab.
test: .venv/.ok ## Run every test; the lab is started for it
	$(MAKE) --jobs 2 ENV=local VERSION= LAB_HOSTS=$(FAULTS_HOST) ground-local test-terraform test-app test-unit
	$(MAKE) --jobs 2 ENV=local VERSION= test-faults test-e2e

test-unit: .venv/.ok
	$(PYTEST) releasectl/tests --numprocesses 2 --dist loadfile
	$(PYTEST) tests/collection tests/roles tests/repo --numprocesses 2 --dist loadfile

test-app: .venv/.ok
	tools=$$(tools/tool_venv app app/requirements-test.lock) && cd app \
	  && "$$tools/python" -m pytest tests --cov --cov-config=pyproject.toml

test-terraform: .venv/.ok
	$(PYTEST) terraform/tests

test-e2e: .venv/.ok
	LAB_HOSTS=1 $(PYTEST) tests/e2e tests/fleet

test-faults: export LAB_HOSTS = $(FAULTS_HOST)
test-faults: .venv/.ok ## Break host 4 of the lab (LAB_HOSTS=4 make ground-local) in every way of docs/reliability.md
	$(PLAY) site.yml --limit inference-$(FAULTS_HOST)
	SLIPWAY_LAB_HOST=inference-$(FAULTS_HOST) $(PYTEST) tests/faults

bench: .venv/.ok ## Measure and write docs/benchmarks.md
	.venv/bin/python -m benchmarks.commands

bench-app: .venv/.ok ## Measure the inference service against its peers
	.venv/bin/python -m benchmarks.app --overload 60

cost: .venv/.ok ## Say what ENV's plan costs a month, from the committed price list
	.venv/bin/python terraform/tools/cost.py $(ENV)

preflight: .venv/.ok ## Compare ENV's quotas with what its plan needs
	.venv/bin/python terraform/tools/quotas.py $(ENV)

down: .venv/.ok ## Remove the lab and all that it made
	$(PLAY) playbooks/lab/down.yml

.venv/.ok: requirements.lock tools/bootstrap
	tools/bootstrap

# With CI=true every environment (the tools' are below .venv) is made anew, once by this make and those that it starts: one
# that an earlier run left would hide that a lock no longer installs. A rollback does not wait for that.
ifeq ($(CI) $(ENVIRONMENTS_ARE_NEW)$(filter rollback status,$(MAKECMDGOALS)),true )
.venv/.ok: FORCE
endif
export ENVIRONMENTS_ARE_NEW := yes
FORCE:
