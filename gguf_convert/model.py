"""An open checkpoint comes in; a checked model goes out: configuration, vocabulary, a stored tensor per wanted one."""

from __future__ import annotations

from dataclasses import dataclass

from . import language, vision, vocab
from .checkpoint import Checkpoint
from .config import ModelConfig, merge_preprocessor, read_config
from .errors import NotOfFamilyError
from .plan import Wanted, match, refuse_unexpected
from .safetensors_file import Entry
from .vocab import Vocab

HEAD = "lm_head.weight"
Pairs = list[tuple[Wanted, Entry | None]]


@dataclass(frozen=True, slots=True)
class Model:
    """A checkpoint that will convert: nothing missing, nothing left over, every shape as config.json says."""

    config: ModelConfig
    vocab: Vocab
    language: Pairs
    vision: Pairs
    warnings: tuple[str, ...]

    @property
    def stored_dtype(self) -> str:
        """The dtype of the language model's embedding, the widest matrix: "F32", "F16" or "BF16"."""
        entry = self.language[0][1]
        return entry.dtype if entry else "F32"


def read_model(checkpoint: Checkpoint) -> Model:
    """Check a checkpoint. Raises NotACheckpointError or NotOfFamilyError."""
    preprocessor = merge_preprocessor(
        checkpoint.json("preprocessor_config.json"), checkpoint.json("processor_config.json")
    )
    config = read_config(checkpoint.config, preprocessor)
    has_head = HEAD in checkpoint.tensors
    for_language = list(language.wanted(config.text, has_head))
    for_vision = list(vision.wanted(config.vision, config.text.hidden))
    pairs = match(checkpoint, [*for_language, *for_vision])
    refuse_unexpected(checkpoint, [*for_language, *for_vision])
    words = vocab.read_vocab(checkpoint, config.text.vocab)
    warnings = [*config.warnings, *words.warnings, *_image_token_doubts(config, words)]
    if not has_head and config.text.ties_head is False:
        warnings.append(
            "config.json says that the output head is not tied, but there is no lm_head.weight: it is tied."
        )
    return Model(config, words, pairs[: len(for_language)], pairs[len(for_language) :], tuple(warnings))


def _image_token_doubts(config: ModelConfig, words: Vocab) -> list[str]:
    """The id of <image> must be a token of the vocabulary, else the tokenizer is another model's."""
    index = config.image_token_id
    if index is None:
        return ["config.json has no image_token_id."]
    if not 0 <= index < len(words.tokens) or words.tokens[index] == f"[PAD{index}]":
        hint = "The tokenizer is another model's."
        raise NotOfFamilyError(f"image_token_id {index} is no token of tokenizer.json.", hint)
    return []
