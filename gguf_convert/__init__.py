"""Any SmolVLM / Idefics3 checkpoint to a verified pair of GGUF files, without torch: `python -m gguf_convert SRC`.

checkpoint → config, vocab → model (all checked) → plan (a type per tensor) → stream → write → verify.
"""

__version__ = "1.0"  # written into every file: raise it when the bytes of a file change
