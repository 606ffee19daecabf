# `make try` and `make test` each set up everything from nothing; the stamp makes the second run quick.
PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.stamp
export HF_HUB_OFFLINE := 1
export HF_HUB_DISABLE_TELEMETRY := 1
export TOKENIZERS_PARALLELISM := false

.PHONY: setup try try-ja test honesty lint browser bench clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev]'
	$(VENV)/bin/python -m pip check
	touch $@

# The first look: the helpdesk sample that ships with the repository, a verdict and a model in runs/.
try: setup
	$(VENV)/bin/hasei try samples/helpdesk_en.csv --at-least accuracy=0.80 --budget 10m --out runs/helpdesk-$$(date +%Y%m%d-%H%M%S)

try-ja: setup
	$(VENV)/bin/hasei try samples/helpdesk_ja.csv --lang ja --at-least accuracy=0.80 --budget 10m --out runs/helpdesk-ja-$$(date +%Y%m%d-%H%M%S)

lint: setup
	$(VENV)/bin/ruff check src tests bench
	$(VENV)/bin/ruff format --check src tests bench
	$(VENV)/bin/mypy

# The tests of the page need a browser and a font for Japanese; where they can't be had those tests say so and are skipped.
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
	|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq \
	     && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk; } \
	|| echo "no Chromium: the tests of the page in a browser are skipped"

honesty: setup
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -n 2 --dist worksteal -m 'nightly or not nightly' tests/judge/honesty tests/judge/checks/test_leak_zoo.py --durations=20

# A process that is lost ends the run: one started in its place would leave it hanging at the end.
test: lint browser
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -n 2 --dist loadfile --max-worker-restart 0

bench: setup
	$(VENV)/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[bench]'
	$(VENV)/bin/python bench/p3_time_to_accuracy.py

clean:
	rm -rf $(VENV) build dist
