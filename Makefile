# Needs Python 3.11 or newer and nothing else; whatever it installs lies in .venv and .tox of this clone.
#
#     make sandbox PYTHON=python3.13 SANDBOX_PORT=9000
#     make test DATABASE_URL=postgres://user:password@localhost/newsletter

PYTHON ?= python3
BIN := .venv/bin
MODULE_LIMIT := 350
# Two processes; the tests in a browser stay together in one of them.
PYTEST ?= --numprocesses 2 --dist loadgroup

# A database or a broker of your own needs its driver.
ifneq ($(filter postgres%,$(DATABASE_URL)),)
DRIVERS += ,postgres
endif
ifneq ($(filter mysql%,$(DATABASE_URL)),)
DRIVERS += ,mysql
endif
ifneq ($(Q_REDIS_URL),)
DRIVERS += ,redis
endif
empty :=
EXTRAS := $(subst $(empty) ,,$(DRIVERS))
comma := ,
# One stamp for each set of extras: .venv/stamps/sandbox, .venv/stamps/test+postgres, ...
stamp = .venv/stamps/$(1)$(subst $(comma),+,$(EXTRAS))

TEMPLATES = $(shell find wagtail_gdpr_newsletter sandbox -path sandbox/var -prune -o -name '*.html' -print)
MIGRATIONS_VENV := .tox/migrations

.DEFAULT_GOAL := help
.PHONY: help sandbox demo test test-matrix benchmark benchmark-full soak lint format migrations translations screenshots clean

help: ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

sandbox: $(call stamp,sandbox) ## set up a small site, do the main job once, serve it with its inbox
	@$(BIN)/python sandbox/run.py

demo: $(call stamp,sandbox) ## do the main job in a state of its own, print each step, exit
	@$(BIN)/python sandbox/run.py --exit

test: $(call stamp,test) ## run the tests; DATABASE_URL chooses the database, PYTEST other options of pytest
	@echo "Running the tests ..."
	@$(BIN)/python -m pytest $(PYTEST)

test-matrix: $(call stamp,test) ## run the tests on every supported Python, Django and Wagtail there is
	@echo "Running the tests in every environment of setup.cfg ..."
	@test -x $(BIN)/tox || $(BIN)/python -m pip install --quiet --disable-pip-version-check tox
	@$(BIN)/tox run --skip-missing-interpreters true --discover $(BIN)/python $(wildcard $(HOME)/.pyenv/versions/3.*/bin/python)

benchmark: $(call stamp,test) ## measure what sending costs, side by side; DATABASE_URL adds a database to SQLite
	@$(BIN)/python -m tests.benchmarks $(BENCHMARK)

benchmark-full: $(call stamp,test) ## measure a campaign to a million readers
	@$(BIN)/python -m tests.benchmarks --full $(BENCHMARK)

soak: $(call stamp,test) ## kill workers thirty times during a campaign; DATABASE_URL adds a database, Q_REDIS_URL Redis
	@$(BIN)/python -m tests.engine.soak $(SOAK)

lint: $(call stamp,lint) ## check style, types, layers, migrations, templates, the size of modules
	@echo "Style ..."
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@echo "Types ..."
	@$(BIN)/mypy
	@echo "Layers ..."
	@$(BIN)/lint-imports
	@echo "Migrations ..."
	@SANDBOX_STATE=.venv/lint $(BIN)/python sandbox/manage.py makemigrations --check --dry-run wagtail_gdpr_newsletter home
	@echo "Templates ..."
	@$(BIN)/djade --check --target-version 5.2 $(TEMPLATES)
	@$(BIN)/djhtml --check --tabwidth 4 $(TEMPLATES)
	@echo "Modules of at most $(MODULE_LIMIT) lines ..."
	@find wagtail_gdpr_newsletter sandbox tests -name '*.py' -not -path '*/migrations/*' -exec wc -l {} + \
		| awk '$$2 != "total" && $$1 > $(MODULE_LIMIT) { print; long = 1 } END { exit long }'

format: $(call stamp,lint) ## put Python and templates into the form that lint asks for
	@echo "Formatting ..."
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format --quiet .
	@$(BIN)/djade --target-version 5.2 $(TEMPLATES) || true
	@$(BIN)/djhtml --tabwidth 4 $(TEMPLATES)

migrations: $(MIGRATIONS_VENV)/stamp ## write migrations, on the oldest Wagtail so that they run on all
	@echo "Writing migrations on Wagtail 7.4 ..."
	@SANDBOX_STATE=.tox/migrations/state $(MIGRATIONS_VENV)/bin/python sandbox/manage.py makemigrations wagtail_gdpr_newsletter home

translations: $(call stamp,sandbox) ## collect what is to be translated, and compile what has been
	@command -v msgfmt >/dev/null || { echo "GNU gettext is missing: install the package gettext."; exit 1; }
	@echo "Collecting and compiling translations ..."
	@for app in wagtail_gdpr_newsletter sandbox/home; do \
		( cd $$app && mkdir -p locale \
			&& $(CURDIR)/$(BIN)/django-admin makemessages --locale it --extension py,html,txt,mjml --no-wrap --add-location file \
			&& $(CURDIR)/$(BIN)/django-admin compilemessages --verbosity 0 ) || exit 1; \
	done

screenshots: $(call stamp,test) ## take the pictures of the documentation; needs Chromium
	@echo "Taking screenshots ..."
	@$(BIN)/python sandbox/screenshots.py

clean: ## remove everything that these targets made, the sandbox's database too
	@echo "Removing environments, caches, builds and sandbox/var ..."
	@rm -rf .venv .tox build dist *.egg-info sandbox/var htmlcov .coverage
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; name one with PYTHON=..."; exit 1; }
	@echo "Creating .venv ..."
	@$(PYTHON) -m venv .venv

.venv/stamps/%: setup.cfg pyproject.toml | $(BIN)/python
	@echo "Installing the package with [$(subst +,$(comma),$*)] into .venv ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$(subst +,$(comma),$*)]'
	@mkdir -p $(@D)
	@touch $@

$(MIGRATIONS_VENV)/stamp: setup.cfg pyproject.toml
	@echo "Creating $(MIGRATIONS_VENV) with Wagtail 7.4 ..."
	@$(PYTHON) -m venv $(MIGRATIONS_VENV)
	@$(MIGRATIONS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[sandbox]' 'wagtail==7.4.*' 'Django==5.2.*'
	@touch $@
