# `make demo` and `make test` do all the set-up; `make help` lists the targets. Variables:
#
#   PYTHON=python3.12         the interpreter to build the environment with (3.11 or newer)
#   VENV=.venv                where to put the environment
#   LLAMA_INDEX=URL           take llama-cpp-python from its published prebuilt wheels, for instance
#                             https://abetlen.github.io/llama-cpp-python/whl/cpu (also cu124, metal, vulkan …)
#   TORCH=...                 the torch of the recipe; on Linux, PyPI's own brings gigabytes of CUDA: put a CPU wheel's
#                             folder into PIP_FIND_LINKS, or PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu
#   CHECKPOINT=RUN/last.pt    trained weights, for `make builtin` (ship them) and `make eval-nano` (compare the types)
#   JOBS=2                    how many processes share the tests (make test); 1 for one, which a debugger needs
#   ARGS="-k layers -x"       arguments for pytest (make test) or a measurement (make bench, make eval-nano)

PYTHON ?= python3
VENV ?= .venv
LLAMA_INDEX ?=
TORCH ?= torch==2.13.0
ARGS ?=
JOBS ?= 2
CHECKPOINT ?=

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
NANO := smolcli/models/builtin/smol-nano
PACK := -o smolcli/models/builtin --lm q8_0 --mmproj q8_0 --force
INDEX := $(if $(LLAMA_INDEX),--extra-index-url $(LLAMA_INDEX) --only-binary llama-cpp-python)

.DEFAULT_GOAL := help
.PHONY: help install demo test train check format transcripts bench bench-check benchmarks bench-ocr bench-docvqa bench-layout bench-cluster builtin eval-nano wheel clean

help:
	@grep -E '^[a-z-]+:.*##' $(firstword $(MAKEFILE_LIST)) | sed 's/:.*## /\t/'

install: $(VENV)/.installed ## make the environment with smol in it, editable

# Stamps, keyed on the dependencies: a second make builds nothing again.
$(VENV)/.created:
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("smol needs Python 3.11 or newer: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.installed: $(VENV)/.created pyproject.toml
	@echo "installing smol; the first build of llama-cpp-python takes minutes"
	$(PIP) $(INDEX) --editable .
	touch $@

$(VENV)/.tested: $(VENV)/.installed
	$(PIP) $(INDEX) --editable '.[test,dev]'
	touch $@

$(VENV)/.trains: $(VENV)/.tested
	$(PIP) '$(TORCH)' --editable '.[train]'
	touch $@

demo: $(VENV)/.installed ## read the files of examples/ with the built-in model
	$(BIN)/smol ask examples/sign.jpg "What does it say?"
	$(BIN)/smol docvqa -q --per-page examples/invoices.pdf "What is the total?"
	$(BIN)/smol ocr -q examples/letter.pdf
	$(BIN)/smol video -q examples/clip.mp4 "What does it say?"
	$(BIN)/smol caption -q examples/signs

test: $(VENV)/.tested ## run the whole suite (what needs torch only if `make train` was run)
	$(BIN)/python -m pytest $(if $(filter 1,$(JOBS)),,-n $(JOBS) --dist loadfile) $(ARGS)

train: $(VENV)/.trains ## put torch into the environment, for the recipe in examples/train_nano

check: $(VENV)/.tested ## check format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.tested ## format, and mend what lint can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.tested ## measure, and write docs/benchmarks.md; ARGS="ask decode" for some, --list for their names
	$(BIN)/python tests/bench $(ARGS)

bench-check: $(VENV)/.tested ## fail where a ratio has fallen by more than 10 % since it was recorded on this machine
	$(BIN)/python tests/bench --check $(ARGS)

benchmarks: $(VENV)/.installed ## write docs/benchmarks.md from the records in docs/benchmarks
	$(BIN)/python docs/make_benchmarks.py

bench-ocr: $(VENV)/.tested ## measure how well and how fast pages are read, beside Tesseract
	$(BIN)/python tests/bench/bench_ocr.py $(ARGS)

bench-docvqa: $(VENV)/.tested ## measure how well documents are asked and answers are found on their pages
	$(BIN)/python tests/bench/bench_docvqa.py $(ARGS)

bench-video: $(VENV)/.tested ## measure what is said of clips with a known story, and when
	$(BIN)/python tests/bench/bench_video.py $(ARGS)

bench-layout: $(VENV)/.tested ## measure how well and how fast lines are found, without a model
	$(BIN)/python tests/bench/bench_layout.py $(ARGS)

bench-cluster: $(VENV)/.tested ## measure two Ray nodes beside two plain processes
	$(BIN)/python tests/bench/bench_cluster.py $(ARGS)

transcripts: $(VENV)/.tested ## run the README's commands again and write down what they print
	$(BIN)/python tests/transcripts.py --write

# The pair is the weights' one source in the tree: unpacked and packed again, it has the same bytes. New weights go the
# same way twice, for a pair also says of which folder it was made.
builtin: $(VENV)/$(if $(CHECKPOINT),.trains,.installed) ## make the built-in pair anew: the same bytes, or those of CHECKPOINT
ifneq ($(CHECKPOINT),)
	$(BIN)/python examples/train_nano export $(CHECKPOINT) build/trained/smol-nano
	$(BIN)/python -m gguf_convert build/trained/smol-nano $(PACK)
endif
	$(BIN)/python examples/train_nano unpack build/smol-nano
	cp build/smol-nano/*.json build/smol-nano/*.jinja examples/train_nano/smol-nano
	$(BIN)/python -m gguf_convert build/smol-nano $(PACK)

eval-nano: $(VENV)/.trains ## measure the built-in model, 200 cases a class, and write the tables into its README
ifneq ($(CHECKPOINT),)
	$(BIN)/python examples/train_nano precision $(CHECKPOINT) --report examples/train_nano/smol-nano $(ARGS)
endif
	$(BIN)/python examples/train_nano evaluate $(NANO)-q8_0.gguf $(dir $(NANO))mmproj-$(notdir $(NANO))-q8_0.gguf --report examples/train_nano/smol-nano $(ARGS)
	$(BIN)/python examples/train_nano robustness $(NANO)-q8_0.gguf $(dir $(NANO))mmproj-$(notdir $(NANO))-q8_0.gguf --report examples/train_nano/smol-nano $(ARGS)

wheel: $(VENV)/.tested ## build the wheel into dist/
	$(BIN)/python -m build --wheel --outdir dist

clean: ## remove the environment and everything built
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
