# What contributors run. `make` alone lists the targets.

PYTHON ?= python

.PHONY: help builtin

help:
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

builtin: ## make the built-in model's GGUF pair from its Hugging Face folder, always the same bytes
	$(PYTHON) -m gguf_convert examples/train_nano/smol-nano -o smolcli/models/builtin --lm q8_0 --mmproj q8_0 --force
