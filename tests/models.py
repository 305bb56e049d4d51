"""GGUF pairs for tests, made once per process: the golden tiny checkpoint, tiny members of the family, the built-in.

golden_pair("f16")                         # tests/golden/gguf/tiny-hf through our converter
member_pair("SmolVLM2-2.2B-Instruct")      # real tokenizer and tile geometry, tiny weights
nano_pair()                                # 290 tokens, 8-px tiles: small enough to be damaged a thousand times
"""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from functools import cache
from pathlib import Path

from checkpoints import GOLDEN, Variant, write_checkpoint

from gguf_convert.convert import ConvertOptions, convert
from smolcli.datatypes import ModelPair
from smolcli.engine.tokens import DEFAULT_TEMPLATE

TYPES = ("f32", "f16", "bf16", "q8_0")
_LARGE = {"image_size": 384, "patch_size": 14, "max_image_size": {"longest_edge": 384}}
_SMALL = {"image_size": 512, "patch_size": 16, "max_image_size": {"longest_edge": 512}}
# Family names of the goldens → the member whose tokenizer, template and geometry they have.
MEMBERS = {
    "smolvlm-256m": "SmolVLM-256M-Instruct",
    "smolvlm-500m": "SmolVLM-500M-Instruct",
    "smolvlm-2.2b": "SmolVLM-Instruct",
    "smolvlm2-256m": "SmolVLM2-256M-Video-Instruct",
    "smolvlm2-500m": "SmolVLM2-500M-Video-Instruct",
    "smolvlm2-2.2b": "SmolVLM2-2.2B-Instruct",
}


@cache
def folder() -> Path:
    """A folder of this process, gone when it ends."""
    path = Path(tempfile.mkdtemp(prefix="smol-models-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


@cache
def golden_pair(kind: str) -> ModelPair:
    """The golden tiny checkpoint in one type, as llama.cpp's converter writes it."""
    return _converted(GOLDEN / "gguf" / "tiny-hf", f"golden-{kind}", kind)


@cache
def member_pair(member: str) -> ModelPair:
    """A member with its own vocabulary, template, tile size and tokens per tile."""
    vision = _LARGE if member in ("SmolVLM-Instruct", "SmolVLM2-2.2B-Instruct") else _SMALL
    source = write_checkpoint(folder() / "hf" / member, member, Variant(config={"vision_config": vision}))
    return _converted(source, member, "bf16")


@cache
def nano_pair() -> ModelPair:
    """The smallest pair that can be: some ten kilobytes of header and as much of weights."""
    source = write_checkpoint(folder() / "hf" / "nano", "SmolVLM-256M-Instruct", Variant(tiny_tokenizer=True))
    settings = source / "tokenizer_config.json"
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "chat_template": DEFAULT_TEMPLATE}))
    return _converted(source, "nano", "f32")


def _converted(source: Path, name: str, kind: str) -> ModelPair:
    result = convert(ConvertOptions(str(source), folder() / "gguf" / name, name, (kind,), (kind,), verify=False))
    language, projector = (next(file.path for file in result.files if file.part == part) for part in ("lm", "mmproj"))
    return ModelPair(language, projector, name)
