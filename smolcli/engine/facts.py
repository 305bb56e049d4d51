"""Two checked GGUF headers → the facts of the pair, or a sentence that says why they do not belong together."""

from __future__ import annotations

from collections.abc import Mapping

from gguf_convert.header import DAMAGED
from gguf_convert.names import FAKE, GLOBAL, IMAGE, Clip, General, Tokenizer
from smolcli.datatypes import ModelFacts, ModelPair
from smolcli.engine.metadata import GGUFFile
from smolcli.engine.schema import Language, Vision, read_language, read_vision
from smolcli.engine.tokens import grid_limit
from smolcli.errors import ModelError

DOCTAG = "<doctag>"  # what a page of DocTags begins with
_CONTROL = 3  # LLAMA_TOKEN_TYPE_CONTROL
_GRID_AS_TEXT = 6  # positions spelt as plain text know no limit; the reference never cuts more than 6 × 6
_EPS = 1e-6  # SigLIP's layer norm; converters that miss it write 1e-5

# Text width → size in the family's names (smolvlm.md §1.1).
_SIZES = {576: "256m", 960: "500m", 2048: "2.2b"}


def read_pair(pair: ModelPair, language: GGUFFile, projector: GGUFFile) -> tuple[ModelFacts, Mapping[str, int]]:
    """Facts of the pair, and its special tokens (text → id). Raises ModelError when the two do not fit."""
    text, vision = read_language(language), read_vision(projector)
    if text.width != vision.text_width:
        raise ModelError(
            f"{projector.path.name} makes embeddings {vision.text_width} wide, but {language.path.name} reads "
            f"{text.width}: they are of two different models.",
            "Give the projector (mmproj) of the same model with --mmproj.",
        )
    specials = special_tokens(language)
    check_markers(str(language.path), specials)
    facts = ModelFacts(
        name=pair.name,
        family=family(pair.name, str(language.get(General.NAME, "")), text, specials),
        tile_px=vision.tile_px,
        tokens_per_tile=vision.tokens_per_tile,
        longest_edge_px=vision.longest_edge_px or 4 * vision.tile_px,
        grid_limit=grid_limit(specials) or _GRID_AS_TEXT,
        context_tokens=text.context_tokens,
        width=text.width,
        image_token=specials[IMAGE],
        max_frames=pair.max_frames,
        warnings=tuple(_warnings(projector, vision)),
        doctags=DOCTAG in specials,
    )
    return facts, specials


def check_markers(name: str, specials: Mapping[str, int]) -> None:
    """The vocabulary has the image tokens, and position tokens for a whole picture or none. Raises ModelError.

    The first 2.2B (SmolVLM-Instruct) has neither `<global-img>` nor `<row_r_col_c>` and spells both as text. With one
    of them alone a vocabulary is damaged: its positions would be strings, which such a model was not trained on.
    """
    missing = [token for token in (IMAGE, FAKE) if token not in specials]
    if missing:
        raise ModelError(f"{name} has no {' or '.join(missing)} token: it is not of the SmolVLM family.")
    if (GLOBAL in specials) != (grid_limit(specials) is not None):
        raise ModelError(f"{name} has only some of the position tokens {GLOBAL} and <row_r_col_c>.", DAMAGED)


def special_tokens(language: GGUFFile) -> dict[str, int]:
    """Every control token of the vocabulary: its text → its id (`tokenizer.ggml.token_type` 3)."""
    types = language.get(Tokenizer.TOKEN_TYPE)
    tokens = language.get(Tokenizer.TOKENS)
    return {token: index for index, token in enumerate(tokens) if types[index] == _CONTROL and token}


def family(file_name: str, own_name: str, text: Language, specials: Mapping[str, int]) -> str:
    """The family member in short ("smolvlm2-500m"): by size and vocabulary, by name where those are equal."""
    name = f"{file_name} {own_name}".lower()
    if DOCTAG in specials:
        return "granite-docling" if "<|start_of_role|>" in specials else "smoldocling"
    if text.vocab < 1000:
        return "smol-nano"
    if text.width == 4096:
        return "idefics3-8b"
    size = _SIZES.get(text.width, f"{text.width}w")
    if GLOBAL not in specials:
        return f"smolvlm-{size}"
    first = "smolvlm2" not in name and "video" not in name and "smolvlm-" in name
    return f"smolvlm-{size}" if first and size != "2.2b" else f"smolvlm2-{size}"


def _warnings(projector: GGUFFile, vision: Vision) -> list[str]:
    found = []
    if vision.longest_edge_px is None:
        found.append(
            f"{projector.path.name} does not say its longest edge ({Clip.PREPROC_IMAGE_SIZE}); "
            f"4 × {vision.tile_px} is used."
        )
    if vision.eps > 2 * _EPS:
        found.append(
            f"{projector.path.name} has layer norm epsilon {vision.eps:g} where the models were trained with {_EPS:g}."
        )
    return found
