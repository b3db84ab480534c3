# make demo   a plan over real ROS 2, from a bundled camera frame and mask
# make test   the whole test suite
# make lint   ruff, pyright and who may import whom
# make docs   the documentation site, into site/
# All make .venv ready first; when it is, that takes no time. ARGS= adds arguments, PYTHON= names a Python 3.11.

PYTHON ?= $(firstword $(foreach p,python3.11 python3,$(shell $(p) -c 'print("$(p)")' 2>/dev/null)))
ARGS ?=

# a sourced ROS 2 or a user's own path must not reach into .venv
unexport PYTHONPATH PYTHONHOME AMENT_PREFIX_PATH CMAKE_PREFIX_PATH COLCON_PREFIX_PATH _ROS_WHEELS_BOOTSTRAP_COMPLETE
# set in many containers: without bytecode every process would compile thousands of modules anew, for 10 s of CPU
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test lint docs setup-run setup-test setup-docs clean
.DEFAULT_GOAL := demo

# a plan that fails its check (3) is an answer, too: the demo has done its job
demo: setup-run
	@.venv/bin/python -m tavid_planner.cli.demo $(ARGS) || [ $$? -eq 3 ]

# a worker takes whole files, in the order of tests/conftest.py: those with slow tests first; three of them keep two
# cores busy, since tests of nodes and browsers wait much of their time
test: setup-test
	@.venv/bin/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

# every tool says what it found before the first failure ends it
lint: setup-test
	@status=0; \
	.venv/bin/ruff check . || status=1; \
	.venv/bin/ruff format --check . || status=1; \
	.venv/bin/pyright || status=1; \
	.venv/bin/lint-imports --no-cache || status=1; \
	exit $$status

docs: setup-docs
	@NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict --quiet $(ARGS)
	@echo "site     site/index.html"

setup-run setup-test setup-docs: setup-%:
	@if [ -z "$(PYTHON)" ]; then \
	  echo "error: no Python found - install Python 3.11 or name one: make PYTHON=/path/to/python3.11" >&2; exit 4; fi
	@"$(PYTHON)" tools/setup_environment.py $*

clean:
	rm -rf .venv build log site *.egg-info
