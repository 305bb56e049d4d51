"""GGUF pairs for tests, made once per process: the golden tiny checkpoint, tiny members of the family, the built-in.

golden_pair("f16")                         # tests/golden/gguf/tiny-hf through our converter
member_pair("SmolVLM2-2.2B-Instruct")      # real tokenizer and tile geometry, tiny weights
speaking_pair(("<doctag>", "Hello"))       # a SmolDocling that says this, token by token, whatever it sees
granite_pair()                             # its family, its template, a grid of 4 × 4
nano_pair()                                # 290 tokens, 8-px tiles: small enough to be damaged a thousand times
"""

from __future__ import annotations

import atexit
import hashlib
import json
import shutil
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
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
def granite_pair() -> ModelPair:
    """A tiny granite-docling with the tags, the positions and the chat template that tell it from the others."""
    source = write_checkpoint(folder() / "hf" / "granite", "granite-docling-258M")
    new = {"unused261": "<global-img>", "<|begin_of_text|>": "<doctag>", "<|reserved283|>": "</doctag>"}
    new |= {"<|reserved284|>": "<|start_of_role|>", "<|reserved285|>": "<|end_of_role|>", "<|end|>": "<|end_of_text|>"}
    new |= {f"unused{262 + n}": f"<row_{n // 4 + 1}_col_{n % 4 + 1}>" for n in range(16)}
    template = (
        "{% for message in messages %}{{ '<|start_of_role|>' + message['role'] + '<|end_of_role|>' }}"
        "{% for part in message['content'] %}{{ part['text'] if part['type'] == 'text' else '<image>' }}{% endfor %}"
        "{{ '<|end_of_text|>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|start_of_role|>assistant<|end_of_role|>' }}{% endif %}"
    )
    tokenizer = json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))
    vocabulary = tokenizer["model"]["vocab"]
    for token in tokenizer["added_tokens"]:
        token["content"] = new.get(token["content"], token["content"])
    flags = {key: value for key, value in tokenizer["added_tokens"][0].items() if key not in ("id", "content")}
    added = [{**flags, "id": vocabulary.pop(old), "content": now} for old, now in new.items() if old in vocabulary]
    tokenizer["added_tokens"] += added
    (source / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    special = dict.fromkeys(("eos_token", "pad_token", "unk_token"), "<|end_of_text|>")
    settings = {"bos_token": "<|start|>", **special, "chat_template": template}
    (source / "tokenizer_config.json").write_text(json.dumps(settings))
    return _converted(source, "granite", "f32")


@cache
def nano_pair() -> ModelPair:
    """The smallest pair that can be: some ten kilobytes of header and as much of weights."""
    source = write_checkpoint(folder() / "hf" / "nano", "SmolVLM-256M-Instruct", Variant(tiny_tokenizer=True))
    settings = source / "tokenizer_config.json"
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "chat_template": DEFAULT_TEMPLATE}))
    return _converted(source, "nano", "f32")


@cache
def speaking_pair(script: tuple[str, ...]) -> ModelPair:
    """A tiny SmolDocling that answers with these tokens, each its own, and then goes on with the first.

    What the vocabulary does not have takes the place of a reserved token, as the published one's DocTags do. Layers add
    nothing to a token's embedding, and the head finds in it which token is next.
    """
    member = "SmolDocling-256M-preview"
    name = f"speaking-{hashlib.sha256(repr(script).encode()).hexdigest()[:12]}"
    vocabulary = json.loads((GOLDEN / "tokenizer" / "tokenizer.json").read_text(encoding="utf-8"))
    ids = vocabulary["model"]["vocab"] | {token["content"]: token["id"] for token in vocabulary["added_tokens"]}
    reserved = iter([f"<|reserved_special_token_{n}|>" for n in range(1, 88)])  # the first one is <doctag> already
    new = {word: next(reserved) for word in dict.fromkeys(("</doctag>", *script)) if word not in {*ids, "<doctag>"}}
    ids["<doctag>"] = ids["<|reserved_special_token_0|>"]
    chain = [ids[":"], *(ids[new.get(word, word)] for word in script)]
    assert len(set(chain)) == len(chain), "each token has one that follows it"
    embeddings = np.zeros((49280, 64), np.float32)
    embeddings[chain] = np.sign(np.random.default_rng(1).standard_normal((len(chain), 64)))
    head = np.zeros_like(embeddings)
    np.add.at(head, [*chain[1:], chain[1]], embeddings[chain])
    values = {"model.text_model.embed_tokens.weight": embeddings, "lm_head.weight": head}
    for layer in (f"model.text_model.layers.{n}." for n in range(2)):
        values |= {layer + "self_attn.o_proj.weight": np.zeros((64, 64), np.float32)}
        values |= {layer + "mlp.down_proj.weight": np.zeros((64, 96), np.float32)}
    source = write_checkpoint(folder() / "hf" / name, member, Variant(values=values, config={"vision_config": _SMALL}))
    for file in ("tokenizer.json", "tokenizer_config.json"):
        text = (source / file).read_text(encoding="utf-8")
        for word, place in new.items():
            text = text.replace(f'"{place}"', json.dumps(word))
        (source / file).write_text(text, encoding="utf-8")
    return _converted(source, name, "f32")


def _converted(source: Path, name: str, kind: str) -> ModelPair:
    result = convert(ConvertOptions(str(source), folder() / "gguf" / name, name, (kind,), (kind,), verify=False))
    language, projector = (next(file.path for file in result.files if file.part == part) for part in ("lm", "mmproj"))
    return ModelPair(language, projector, name)
