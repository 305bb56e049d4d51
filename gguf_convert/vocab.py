"""tokenizer.json and its small companions come in; the keys `tokenizer.*` go out.

The pre-tokenizer's name, which tells llama.cpp how to cut text before merging, is read from tokenizer.json's own
steps; llama.cpp's converter compares a hash of one encoded string instead. Names and regexes:
llama.cpp, src/llama-vocab.cpp.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import Any

from gguf import GGUFValueType, GGUFWriter, SpecialVocab, TokenType

from .bpe import GPT2_REGEX, LLAMA3_REGEX
from .checkpoint import Checkpoint
from .errors import NotACheckpointError, NotOfFamilyError
from .metadata import Metadata, Value
from .names import Tokenizer

DIGITS = "one token per digit"
PRE_TOKENIZERS = {  # (steps, ignore_merges) → llama.cpp's name
    ((DIGITS, GPT2_REGEX), False): "smollm",
    ((GPT2_REGEX,), False): "granite-docling",
    ((LLAMA3_REGEX,), True): "llama-bpe",
    ((LLAMA3_REGEX,), False): "dbrx",  # the same regex, without llama-bpe's "whole words first"
}
NAMES_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Vocab:
    """A vocabulary as GGUF holds it: one text and one type per id, merges in order of rank.

    specials: keys for special ids, `add_*_token` and the chat template. prefix: tokenizer_config's add_prefix_space.
    """

    tokens: list[str]
    types: list[int]
    merges: list[str]
    pre: str
    specials: dict[str, Value]
    prefix: bool | None
    warnings: tuple[str, ...] = ()


def read_vocab(checkpoint: Checkpoint, size: int) -> Vocab:
    """`size` tokens. Raises NotACheckpointError (missing, malformed) or NotOfFamilyError (of another kind)."""
    if not (checkpoint.folder / "tokenizer.json").is_file():
        hint = "Save it there with `AutoTokenizer.from_pretrained(...).save_pretrained(DIR)`."
        raise NotACheckpointError(f"{checkpoint.folder} has no tokenizer.json.", hint)
    tokenizer = checkpoint.json("tokenizer.json")
    try:
        vocab = _vocab(tokenizer, size, checkpoint)
        _require_text(vocab)
        return vocab
    except (TypeError, KeyError, AttributeError, ValueError, IndexError) as error:
        raise NotACheckpointError("The tokenizer's files are malformed.", "Download or copy them again.") from error


def write_keys(vocab: Vocab, metadata: Metadata) -> None:
    """Keys `tokenizer.*`, in llama.cpp's order."""
    if vocab.prefix is not None:
        metadata.boolean(Tokenizer.ADD_SPACE_PREFIX, vocab.prefix)
    metadata.string(Tokenizer.MODEL, Tokenizer.BYTE_PAIRS)
    metadata.string(Tokenizer.PRE, vocab.pre)
    metadata.array(Tokenizer.TOKENS, GGUFValueType.STRING, vocab.tokens)
    metadata.array(Tokenizer.TOKEN_TYPE, GGUFValueType.INT32, vocab.types)
    metadata.array(Tokenizer.MERGES, GGUFValueType.STRING, vocab.merges)
    metadata.values.update(vocab.specials)


def pre_tokenizer_name(tokenizer: dict[str, Any]) -> str:
    """llama.cpp's name for tokenizer.json's pre_tokenizer. Raises NotOfFamilyError when it has none."""
    steps = _steps(tokenizer.get("pre_tokenizer"))
    ignore_merges = bool(tokenizer["model"].get("ignore_merges"))
    name = PRE_TOKENIZERS.get((steps, ignore_merges)) if steps else None
    if name is None:
        described = json.dumps(tokenizer.get("pre_tokenizer"), ensure_ascii=False)[:120]
        known = ", ".join(PRE_TOKENIZERS.values())
        raise NotOfFamilyError(f"tokenizer.json's pre_tokenizer is none that is known ({known}): {described}.")
    return name


def _vocab(tokenizer: dict[str, Any], size: int, checkpoint: Checkpoint) -> Vocab:
    model = tokenizer["model"]
    if model.get("type", "BPE") != "BPE" or model.get("byte_fallback"):
        raise NotOfFamilyError(f"The tokenizer is {model.get('type')}; the family's is byte-level BPE.")
    added = {token["id"]: token for token in tokenizer.get("added_tokens", ())}
    texts = {index: text for text, index in model["vocab"].items()}
    texts.update({index: token["content"] for index, token in added.items()})
    if not all(isinstance(text, str) for text in texts.values()):
        raise TypeError("a token that is no text")
    tokens, types = [], []
    for index in range(size):
        text = texts.get(index)
        kind = TokenType.UNUSED if text is None else _type(added.get(index))
        text = f"[PAD{index}]" if text is None else text
        tokens.append(text.replace("\u2581", " ") if kind is TokenType.USER_DEFINED else text)
        types.append(int(kind))
    merges = [merge if isinstance(merge, str) else _merge(merge) for merge in model["merges"]]
    prefix = checkpoint.json("tokenizer_config.json").get("add_prefix_space")
    return Vocab(
        tokens=tokens,
        types=types,
        merges=merges,
        pre=pre_tokenizer_name(tokenizer),
        specials=_special_keys(checkpoint, size),
        prefix=prefix if isinstance(prefix, bool) else None,
        warnings=tuple(_doubts(tokenizer, texts, size)),
    )


def _require_text(vocab: Vocab) -> None:
    """Raise ValueError for what a file cannot hold: half a surrogate pair, or a zero byte, where C's texts end."""
    texts = [value for key in vocab.specials.values() for value in (key.value if key.items else [key.value])]
    joined = "".join((*vocab.tokens, *vocab.merges, *(text for text in texts if isinstance(text, str))))
    if "\0" in joined:
        raise ValueError("a zero byte")
    joined.encode()


def _type(added: dict[str, Any] | None) -> TokenType:
    if added is None:
        return TokenType.NORMAL
    text = added["content"]
    return TokenType.CONTROL if added.get("special") or (text[:2] + text[-2:] == "<||>") else TokenType.USER_DEFINED


def _merge(pair: list[str]) -> str:
    """Two parts joined by a space; a space inside a part takes byte-level BPE's letter for it."""
    first, second = pair
    return f"{first.replace(' ', 'Ġ')} {second.replace(' ', 'Ġ')}"


def _doubts(tokenizer: dict[str, Any], texts: dict[int, str], size: int) -> list[str]:
    warnings = []
    if surplus := [texts[index] for index in sorted(texts) if index >= size]:
        shown = ", ".join(surplus[:NAMES_SHOWN]) + (" …" if len(surplus) > NAMES_SHOWN else "")
        warnings.append(f"Dropped {len(surplus)} tokens beyond the vocabulary of {size}: {shown}.")
    if normalizer := tokenizer.get("normalizer"):
        warnings.append(f"The tokenizer normalizes text ({normalizer.get('type')}); llama.cpp does not.")
    return warnings


def _steps(pre: Any) -> tuple[str, ...] | None:
    """The steps of a pre-tokenizer as comparable strings; None for one that is not understood."""
    if not isinstance(pre, dict):
        return None
    if pre.get("type") == "Sequence":
        parts = [_steps(step) for step in pre["pretokenizers"]]
        return None if None in parts else tuple(step for part in parts for step in part or ())
    if pre.get("type") == "Digits":
        return (DIGITS,) if pre.get("individual_digits") else None
    if pre.get("type") == "ByteLevel" and not pre.get("add_prefix_space"):
        return (GPT2_REGEX,) if pre.get("use_regex", True) else ()
    if pre.get("type") == "Split" and pre.get("behavior") == "Isolated" and not pre.get("invert"):
        regex = pre["pattern"].get("Regex")
        return (regex,) if isinstance(regex, str) else None
    return None


def _special_keys(checkpoint: Checkpoint, size: int) -> dict[str, Value]:
    """Special ids, `add_*_token` and the chat template, as gguf's own reader of these files decides them."""
    writer = GGUFWriter(None, "llama")
    log = logging.getLogger("gguf.vocab")
    level = log.level
    log.setLevel(logging.CRITICAL)  # it remarks on pad ids out of range, which are left out
    try:
        SpecialVocab(checkpoint.folder, load_merges=False, n_vocab=size).add_to_gguf(writer, quiet=True)
    finally:
        log.setLevel(level)
    found = {key: value for key, value in writer.kv_data[0].items() if key.startswith(Tokenizer.ALL)}
    items = {key: GGUFValueType.STRING if value.type is GGUFValueType.ARRAY else None for key, value in found.items()}
    return {key: Value(value.type, value.value, items[key]) for key, value in found.items()}
