"""Written files come in and are read back; nothing goes out but an error when one is not what was planned."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from gguf import GGMLQuantizationType

from .bpe import BytePairEncoder
from .errors import CannotWriteError, NotOfFamilyError
from .metadata import Metadata
from .names import Clip, General, Llama, Own, Tokenizer
from .read import GGUFFile, read_gguf, vocabulary
from .source import sha256_file
from .vocab import Vocab
from .write import Advance, TensorInfo

FIXTURE = "In 2024, it cost $1,234.56 — don't ask:\n\n\tnaïve café, 東京 ½ x² 🙂  end "
FREE_KEYS = frozenset({General.FILE_TYPE})  # llama.cpp's quantizer rewrites it


def check_file(path: Path, sha256: str, advance: Advance = lambda count: None) -> GGUFFile:
    """Header readable, bytes as written. Raises CannotWriteError when the disk returns something else."""
    if sha256_file(path, advance) != sha256:
        raise CannotWriteError(f"{path.name} reads back differently than it was written.", "Check the disk.")
    return read_gguf(path)


def check_tensors(found: GGUFFile, planned: list[TensorInfo], types_are_free: bool) -> None:
    """Names, shapes and types. `types_are_free`: llama.cpp's quantizer chose them, within what a row allows."""
    by_name = {tensor.name: tensor for tensor in found.tensors}
    if set(by_name) != {tensor.name for tensor in planned}:
        raise CannotWriteError(f"{found.path.name} does not hold the planned tensors.")
    for want in planned:
        have = by_name[want.name]
        f32 = GGMLQuantizationType.F32
        # A quantizer packs every matrix, of a float32 checkpoint too, and leaves every vector in float32.
        wrong_type = (len(want.shape) < 2) != (have.type is f32) if types_are_free else have.type is not want.type
        if have.shape != want.shape or wrong_type:
            raise CannotWriteError(f"{found.path.name}: {want.name} is {have.type.name} {have.shape}, not as planned.")


def check_keys(found: GGUFFile, planned: Metadata) -> None:
    """Every planned key is there with its value."""
    for key, value in planned.values.items():
        have = found.metadata.values.get(key)
        if key not in FREE_KEYS and (have is None or have.kind is not value.kind or not _same(have.value, value.value)):
            raise CannotWriteError(f"{found.path.name}: the key {key} is not as planned.")


def check_vocab(found: GGUFFile, vocab: Vocab, image_token_id: int | None) -> None:
    """The vocabulary encodes a text as tokenizer.json does and decodes it again; special ids lie in range."""
    get = found.metadata.get
    written = BytePairEncoder(*vocabulary(found), get(Tokenizer.PRE))
    original = BytePairEncoder(vocab.tokens, vocab.types, vocab.merges, vocab.pre)
    text = encodable(FIXTURE, original)
    if image_token_id is not None:
        text = vocab.tokens[image_token_id] + text
    ids = written.encode(text)
    if ids != original.encode(text) or written.decode(ids) != text:
        raise CannotWriteError(f"{found.path.name}: its tokenizer does not give a text back.")
    if image_token_id is not None and ids[0] != image_token_id:
        raise NotOfFamilyError(f"{text[:20]!r} encodes to {ids[0]}; config.json says image_token_id {image_token_id}.")
    for name in Tokenizer.ROLES:
        index = get(Tokenizer.special_id(name))
        if index is not None and not 0 <= index < len(vocab.tokens):
            raise NotOfFamilyError(f"The {name} token {index} lies outside the vocabulary.")


def check_pair(language: GGUFFile, projector: GGUFFile) -> None:
    """The two files belong together."""
    if language.metadata.get(Own.PAIR_ID) != projector.metadata.get(Own.PAIR_ID):
        raise CannotWriteError(f"{language.path.name} and {projector.path.name} have different pair ids.")
    width, wanted = (
        projector.metadata.get(Clip.PROJECTION_DIM),
        language.metadata.get(Llama.EMBEDDING_LENGTH),
    )
    if width != wanted:
        raise CannotWriteError(f"{projector.path.name} gives rows of {width}; {language.path.name} takes {wanted}.")


def _same(have: Any, want: Any) -> bool:
    if isinstance(want, list | tuple):
        return len(have) == len(want) and (list(have) == list(want) or all(map(_same, have, want)))
    if isinstance(want, float):
        return math.isclose(have, want, rel_tol=1e-6)
    return bool(have == want)


def encodable(text: str, encoder: BytePairEncoder) -> str:
    """The text, less the characters for which a small vocabulary has no byte token."""

    def known(char: str) -> bool:
        try:
            return bool(encoder.encode(char))
        except KeyError:
            return False

    return "".join(filter(known, text))
