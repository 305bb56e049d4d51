"""Config → the JSON files of a Hugging Face folder: model, tokenizer, processor. Torch-free, no transformers needed.

The layout is that of transformers 5.23 for Idefics3ForConditionalGeneration, plus the two entries that llama.cpp's
converter looks for (`text_config.architectures`, `text_config.rope_theta` beside `rope_parameters`).
"""

import json
from pathlib import Path

from . import geometry, vocabulary
from .config import NanoConfig

TEMPLATE = (
    "<|im_start|>{% for message in messages %}{{message['role'] | capitalize}}"
    "{% if message['content'][0]['type'] == 'image' %}{{':'}}{% else %}{{': '}}{% endif %}"
    "{% for line in message['content'] %}{% if line['type'] == 'text' %}{{line['text']}}"
    "{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}<end_of_utterance>\n{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
_VERSION = "5.23.0"
_IDS = {"bos_token_id": vocabulary.SPECIAL_ID["<|im_start|>"], "eos_token_id": vocabulary.END}


def model_config(config: NanoConfig) -> dict:
    """config.json."""
    return {
        "_pad_token_id": vocabulary.PADDING,
        "architectures": ["Idefics3ForConditionalGeneration"],
        "dtype": "float16",
        "image_token_id": vocabulary.IMAGE,
        "model_type": "idefics3",
        "scale_factor": config.scale,
        "text_config": _text_config(config),
        "tie_word_embeddings": True,
        "transformers_version": _VERSION,
        "use_cache": True,
        "vision_config": _vision_config(config),
        "torch_dtype": "float16",
    }


def _text_config(config: NanoConfig) -> dict:
    return {
        "attention_bias": False,
        "attention_dropout": 0.0,
        **_IDS,
        "head_dim": config.width // config.heads,
        "hidden_act": "silu",
        "hidden_size": config.width,
        "initializer_range": 0.02,
        "intermediate_size": config.hidden,
        "max_position_embeddings": config.context,
        "mlp_bias": False,
        "model_type": "llama",
        "num_attention_heads": config.heads,
        "num_hidden_layers": config.layers,
        "num_key_value_heads": config.kv_heads,
        "pad_token_id": vocabulary.PADDING,
        "pretraining_tp": 1,
        "rms_norm_eps": 1e-05,
        "rope_parameters": {"rope_theta": config.rope_theta, "rope_type": "default"},
        "tie_word_embeddings": True,
        "use_cache": True,
        "vocab_size": config.vocabulary,
        "rope_theta": config.rope_theta,
        "architectures": ["VLlama3ForCausalLM"],
    }


def _vision_config(config: NanoConfig) -> dict:
    return {
        "attention_dropout": 0.0,
        "hidden_act": "gelu_pytorch_tanh",
        "hidden_size": config.vision_width,
        "image_size": config.tile,
        "initializer_range": 0.02,
        "intermediate_size": config.vision_hidden,
        "layer_norm_eps": 1e-06,
        "max_image_size": {"longest_edge": config.tile},
        "model_type": "idefics3_vision",
        "num_attention_heads": config.vision_heads,
        "num_channels": 3,
        "num_hidden_layers": config.vision_layers,
        "patch_size": config.patch,
        "size": {"longest_edge": geometry.LONGEST_EDGE_PX},
    }


def generation_config() -> dict:
    """generation_config.json: greedy, stop at <end_of_utterance>."""
    return {
        "_from_model_config": True,
        "bos_token_id": _IDS["bos_token_id"],
        "do_sample": False,
        "eos_token_id": _IDS["eos_token_id"],
        "max_new_tokens": 256,
        "output_attentions": False,
        "output_hidden_states": False,
        "pad_token_id": vocabulary.PADDING,
        "transformers_version": _VERSION,
        "use_cache": True,
    }


def preprocessor_config(config: NanoConfig) -> dict:
    """preprocessor_config.json: what `geometry.cut` does, and scaling to -1 … 1."""
    return {
        **dict.fromkeys(("do_convert_rgb", "do_image_splitting", "do_normalize", "do_pad"), True),
        **dict.fromkeys(("do_rescale", "do_resize"), True),
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
        "image_processor_type": "Idefics3ImageProcessor",
        "max_image_size": {"longest_edge": config.tile},
        "processor_class": "Idefics3Processor",
        "resample": 1,
        "rescale_factor": 1 / 255,
        "size": {"longest_edge": geometry.LONGEST_EDGE_PX},
    }


def byte_letters() -> list[str]:
    """The letter that stands for each byte in a byte-level tokenizer.json (GPT-2's `bytes_to_unicode`)."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    hidden = iter(range(256, 512))
    return [chr(byte if byte in printable else next(hidden)) for byte in range(256)]


def _added_tokens() -> list[tuple[int, str]]:
    specials = list(enumerate(vocabulary.SPECIALS))
    first = vocabulary.DOUBLE_NEWLINE + 1
    return specials + [(first + i, f"<|unused_{i}|>") for i in range(vocabulary.SIZE - first)]


def _added(content: str) -> dict:
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"content": content, **flags, "special": True}


def tokenizer() -> dict:
    """tokenizer.json: digits one by one, bytes, one merge."""
    letters = byte_letters()
    newline = letters[10]
    ids = dict(vocabulary.SPECIAL_ID)
    ids |= {letter: vocabulary.FIRST_BYTE + byte for byte, letter in enumerate(letters)}
    ids[newline * 2] = vocabulary.DOUBLE_NEWLINE
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": i, **_added(content)} for i, content in _added_tokens()],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, level]},
        "post_processor": None,
        "decoder": {**level, "add_prefix_space": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": "<|endoftext|>",
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": ids,
            "merges": [[newline, newline]],
        },
    }


def tokenizer_config(config: NanoConfig) -> dict:
    """tokenizer_config.json."""
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<|im_start|>",
        "eos_token": "<end_of_utterance>",
        "pad_token": "<|im_end|>",
        "unk_token": "<|endoftext|>",
        "clean_up_tokenization_spaces": False,
        "model_max_length": config.context,
        "add_prefix_space": False,
        "processor_class": "Idefics3Processor",
        "chat_template": TEMPLATE,
        "added_tokens_decoder": {str(i): _added(content) for i, content in _added_tokens()},
    }


def write(folder: Path, config: NanoConfig) -> None:
    """Write every file of the folder but the weights."""
    folder.mkdir(parents=True, exist_ok=True)
    images = preprocessor_config(config)
    processor = {"image_seq_len": geometry.TOKENS, "processor_class": "Idefics3Processor", "image_processor": images}
    files = {
        "config.json": model_config(config),
        "preprocessor_config.json": images,
        "processor_config.json": processor,
        "tokenizer_config.json": tokenizer_config(config),
        "chat_template.json": {"chat_template": TEMPLATE},
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content, indent=1))
    (folder / "generation_config.json").write_text(json.dumps(generation_config(), indent=2) + "\n")
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer(), ensure_ascii=False), encoding="utf-8")
    (folder / "chat_template.jinja").write_text(TEMPLATE)
