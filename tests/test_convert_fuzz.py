"""Hostile values in every place of a checkpoint's files: a sentence each time, never another exception."""

import json
import random

import pytest
from checkpoints import GOLDEN, Variant, write_checkpoint

from gguf_convert.checkpoint import open_checkpoint
from gguf_convert.config import read_config
from gguf_convert.errors import ConvertError
from gguf_convert.model import read_model
from gguf_convert.vocab import read_vocab

HOSTILE = (None, "x", "", -1, 0, 10**30, 1e308, float("inf"), float("nan"), [], [1], {}, {"a": 1}, True, "\x00")


def refuse_or_pass(action):
    try:
        action()
    except ConvertError as error:
        assert "\n" not in error.message


def places(value, path=()):
    """Every place in nested JSON; of long lists and tables only the first few."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(items)[:40]:
        yield from places(inner, (*path, key))


def with_value(data, path, value):
    if not path:
        return value
    copy = dict(data) if isinstance(data, dict) else list(data)
    copy[path[0]] = with_value(copy[path[0]], path[1:], value)
    return copy


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_checkpoint(tmp_path_factory.mktemp("fuzz") / "tiny", "Idefics3-8B-Llama3")


@pytest.mark.parametrize("name", ["SmolVLM2-2.2B-Instruct", "transformers5-created"])
def test_any_value_anywhere_in_config_json(name):
    config = json.loads((GOLDEN / "configs" / f"{name}.config.json").read_text())
    config["text_config"].pop("perceiver_config", None)
    for path in places(config):
        for value in HOSTILE:
            changed = with_value(config, path, value)
            if isinstance(changed, dict):  # anything else is refused when the file is read
                refuse_or_pass(lambda changed=changed: read_config(changed, {}))


def test_any_value_anywhere_in_the_preprocessors_configuration():
    config = json.loads((GOLDEN / "configs" / "SmolVLM-256M-Instruct.config.json").read_text())
    processor = {"size": {"longest_edge": 512}, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    for path in places(processor):
        for value in HOSTILE:
            changed = with_value(processor, path, value)
            if isinstance(changed, dict):
                refuse_or_pass(lambda changed=changed: read_config(config, changed))


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json"])
def test_any_value_anywhere_in_the_tokenizers_files(folder, name):
    original = (folder / name).read_text()
    data = json.loads(original)
    rng = random.Random(3)
    spots = list(places(data))
    try:
        for path in rng.sample(spots, min(len(spots), 60)):
            for value in rng.sample(HOSTILE, 4):
                (folder / name).write_text(json.dumps(with_value(data, path, value)))
                with open_checkpoint(folder) as checkpoint:
                    refuse_or_pass(lambda checkpoint=checkpoint: read_vocab(checkpoint, 290))
    finally:
        (folder / name).write_text(original)


def test_any_flipped_bit_of_a_safetensors_header(tmp_path):
    folder = write_checkpoint(tmp_path / "tiny", variant=Variant(tiny_tokenizer=True))
    weights = folder / "model.safetensors"
    raw = weights.read_bytes()
    size = 8 + int.from_bytes(raw[:8], "little")
    rng = random.Random(2)
    for at in [*range(8), *(rng.randrange(8, size) for _ in range(200))]:
        broken = bytearray(raw)
        broken[at] ^= 1 << rng.randrange(8)
        weights.write_bytes(broken)

        def read():
            with open_checkpoint(folder) as checkpoint:
                read_model(checkpoint)

        refuse_or_pass(read)
