"""GGUF files come in; what they hold, how they fit together, and what is doubtful about them goes out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gguf import TokenType

from .bpe import STEPS, BytePairEncoder
from .names import (
    FAKE,
    FIRST_TILE,
    GLOBAL,
    IMAGE,
    WEIGHT,
    Clip,
    General,
    LanguageTensors,
    Llama,
    Own,
    Tokenizer,
    VisionTensors,
)
from .outputs import Part
from .read import GGUFFile, as_float, as_int, read_gguf, vocabulary
from .write import TensorInfo

TRAINED_EPS = 1e-6
MOST_TILES_PER_EDGE, MOST_TOKENS_PER_TILE = 16, 4096  # beyond, a file lies
GROUPS = (  # the first that a tensor's name contains
    ("attn_norm", "norms"),
    ("attn_", "attention"),
    (LanguageTensors.TOKEN_EMBEDDING, "token embedding"),
    (LanguageTensors.OUTPUT + WEIGHT, "output head"),
    (VisionTensors.PATCH_EMBEDDING, "patch embedding"),
    (VisionTensors.POSITION_EMBEDDING, "position embedding"),
    ("mm.", "connector"),
    ("norm", "norms"),
    (".ln", "norms"),
    ("_ln", "norms"),
    ("ffn_", "feed-forward"),
)


@dataclass(frozen=True, slots=True)
class Share:
    """One kind of tensors of one type: "attention", "Q8_0", how many, how many values and bytes."""

    group: str
    type: str
    tensors: int
    values: int
    bytes: int


@dataclass(frozen=True, slots=True)
class LanguageFacts:
    """A language model. `specials`: role → (id, text). `markers`: image marker → id, None where it is plain text."""

    layers: int
    width: int
    ffn: int
    heads: int
    kv_heads: int
    head_dim: int
    context: int
    rope_theta: float
    vocab: int
    pre_tokenizer: str
    specials: dict[str, tuple[int, str]]
    markers: dict[str, int | None]
    template: str


@dataclass(frozen=True, slots=True)
class VisionFacts:
    """A projector. `longest_edge_px`: what images are first resized to, None where the file does not say."""

    layers: int
    width: int
    ffn: int
    heads: int
    tile_px: int
    patch_px: int
    scale_factor: int
    tokens_per_tile: int
    longest_edge_px: int | None
    eps: float
    text_width: int


@dataclass(frozen=True, slots=True)
class FileReport:
    """One file. `part` is "" for a file of another kind; `warnings` are sentences."""

    path: Path
    bytes: int
    part: Part | str
    architecture: str
    name: str
    values: int
    shares: tuple[Share, ...]
    language: LanguageFacts | None
    vision: VisionFacts | None
    source: str
    revision: str
    pair_id: str
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PairReport:
    """A language model with a projector. `image_tokens`: what a picture of so many tiles takes, 0 × 0 = not cut.

    `fits`: the widths agree. `same_source`: the pair ids agree, None where a file has none.
    """

    language: Path
    projector: Path
    fits: bool
    same_source: bool | None
    image_tokens: dict[str, int]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Inspection:
    """All files given, and every pair among them."""

    files: tuple[FileReport, ...]
    pairs: tuple[PairReport, ...]


def inspect(paths: Sequence[Path]) -> Inspection:
    """Read headers only. Raises NotACheckpointError for a file that is no GGUF, or damaged."""
    found = [read_gguf(path) for path in paths]
    files = [_file(file) for file in found]
    language = [(file, report) for file, report in zip(found, files, strict=True) if report.language]
    vision = [report for report in files if report.vision]
    pairs = tuple(_pair(file, lm, mmproj) for file, lm in language for mmproj in vision)
    return Inspection(tuple(files), pairs)


def _file(file: GGUFFile) -> FileReport:
    get = file.metadata.get
    architecture = str(get(General.ARCHITECTURE, ""))
    language = _language(file) if architecture == Llama.ARCHITECTURE else None
    vision = _vision(file) if architecture == Clip.ARCHITECTURE else None
    part = "lm" if language else "mmproj" if vision else ""
    warnings = [] if part else [f"{file.path.name} is a {architecture or 'nameless'} model, not one of this family."]
    warnings += _language_doubts(file.path.name, language) if language else []
    warnings += _vision_doubts(file.path.name, file, vision) if vision else []
    return FileReport(
        path=file.path,
        bytes=file.bytes,
        part=part,
        architecture=architecture,
        name=str(get(General.NAME, "")),
        values=sum(math.prod(tensor.shape) for tensor in file.tensors),
        shares=_shares(file.tensors),
        language=language,
        vision=vision,
        source=str(get(Own.SOURCE_NAME, "")),
        revision=str(get(Own.SOURCE_REVISION, "")),
        pair_id=str(get(Own.PAIR_ID, "")),
        warnings=tuple(warnings),
    )


def _shares(tensors: Sequence[TensorInfo]) -> tuple[Share, ...]:
    sums: dict[tuple[str, str], list[int]] = {}
    for tensor in tensors:
        group = next((group for needle, group in GROUPS if needle in tensor.name), "other")
        entry = sums.setdefault((group, tensor.type.name), [0, 0, 0])
        entry[0] += 1
        entry[1] += math.prod(tensor.shape)
        entry[2] += tensor.bytes
    return tuple(Share(group, kind, *entry) for (group, kind), entry in sorted(sums.items()))


def _language(file: GGUFFile) -> LanguageFacts:
    get = file.metadata.get
    tokens, types, _ = vocabulary(file)
    ids = {text: index for index, text in enumerate(tokens)}
    control = {text: ids[text] for text in (IMAGE, FAKE, GLOBAL, FIRST_TILE) if text in ids}
    control = {text: i for text, i in control.items() if types[i] == TokenType.CONTROL}
    heads = as_int(get(Llama.HEAD_COUNT))
    width = as_int(get(Llama.EMBEDDING_LENGTH))
    specials = {name: as_int(get(Tokenizer.special_id(name)), -1) for name in Tokenizer.ROLES}
    return LanguageFacts(
        layers=as_int(get(Llama.BLOCK_COUNT)),
        width=width,
        ffn=as_int(get(Llama.FEED_FORWARD_LENGTH)),
        heads=heads,
        kv_heads=as_int(get(Llama.HEAD_COUNT_KV), heads),
        head_dim=as_int(get(Llama.KEY_LENGTH), width // max(heads, 1)),
        context=as_int(get(Llama.CONTEXT_LENGTH)),
        rope_theta=as_float(get(Llama.ROPE_FREQ_BASE), 10000.0),
        vocab=len(tokens),
        pre_tokenizer=str(get(Tokenizer.PRE, "")),
        specials={name: (i, tokens[i]) for name, i in specials.items() if 0 <= i < len(tokens)},
        markers={text: control.get(text) for text in (IMAGE, FAKE, GLOBAL, FIRST_TILE)},
        template=str(get(Tokenizer.CHAT_TEMPLATE, "")),
    )


def _vision(file: GGUFFile) -> VisionFacts:
    get = file.metadata.get
    tile, patch = as_int(get(Clip.IMAGE_SIZE)), as_int(get(Clip.PATCH_SIZE))
    scale = as_int(get(Clip.SCALE_FACTOR), 1)
    edge = get(Clip.PREPROC_IMAGE_SIZE)
    return VisionFacts(
        layers=as_int(get(Clip.BLOCK_COUNT)),
        width=as_int(get(Clip.EMBEDDING_LENGTH)),
        ffn=as_int(get(Clip.FEED_FORWARD_LENGTH)),
        heads=as_int(get(Clip.HEAD_COUNT)),
        tile_px=tile,
        patch_px=patch,
        scale_factor=scale,
        tokens_per_tile=(tile // max(patch, 1)) ** 2 // max(scale, 1) ** 2,
        longest_edge_px=as_int(edge) if edge is not None else None,
        eps=as_float(get(Clip.EPSILON)),
        text_width=as_int(get(Clip.PROJECTION_DIM)),
    )


def _language_doubts(name: str, language: LanguageFacts) -> list[str]:
    doubts = []
    if lost := [text for text in (IMAGE, FAKE) if language.markers[text] is None]:
        doubts.append(f"{name} has no {' and no '.join(lost)} token: it cannot be shown pictures.")
    elif language.markers[GLOBAL] is None:
        doubts.append(f"{name} spells {GLOBAL} and {FIRST_TILE} as plain text (llama.cpp's own prompts fail on that).")
    if not language.template:
        doubts.append(f"{name} has no chat template.")
    return doubts


def _vision_doubts(name: str, file: GGUFFile, vision: VisionFacts) -> list[str]:
    doubts = []
    projector = file.metadata.get(Clip.PROJECTOR_TYPE)
    if projector != Clip.IDEFICS3:
        doubts.append(f"{name} is a projector of type {projector}, not {Clip.IDEFICS3}.")
    if vision.longest_edge_px is None:
        doubts.append(
            f"{name} lacks {Clip.PREPROC_IMAGE_SIZE}: llama.cpp's own preprocessing will not enlarge pictures, so "
            "640×480 is read from 2 tiles instead of 13 "
            f"(`smol repair {name} --longest-edge {4 * vision.tile_px}` adds the key)."
        )
    if not vision.eps:
        doubts.append(f"{name} lacks {Clip.EPSILON}: llama.cpp will not load it.")
    elif not math.isclose(vision.eps, TRAINED_EPS, rel_tol=0.01):
        doubts.append(f"{name} has layer norm epsilon {vision.eps:g}; the family was trained with {TRAINED_EPS:g}.")
    if Clip.SCALE_FACTOR not in file.metadata.values:
        doubts.append(f"{name} lacks {Clip.SCALE_FACTOR}: patches will not be merged.")
    return doubts


def _pair(file: GGUFFile, lm: FileReport, mmproj: FileReport) -> PairReport:
    assert lm.language is not None and mmproj.vision is not None
    fits = lm.language.width == mmproj.vision.text_width
    same = lm.pair_id == mmproj.pair_id if lm.pair_id and mmproj.pair_id else None
    warnings = []
    if not fits:
        warnings.append(
            f"{mmproj.path.name} makes rows {mmproj.vision.text_width} wide, {lm.path.name} takes {lm.language.width}."
        )
    elif same is False:
        warnings.append(
            f"{mmproj.path.name} and {lm.path.name} come from different checkpoints (their pair ids differ)."
        )
    tokens = _image_tokens(file, lm.language, mmproj.vision) if fits else {}
    return PairReport(lm.path, mmproj.path, fits, same, tokens, tuple(warnings))


def _image_tokens(file: GGUFFile, language: LanguageFacts, vision: VisionFacts) -> dict[str, int]:
    """Ids per picture, markers as this vocabulary spells them (transformers: processing_idefics3.py)."""
    if language.pre_tokenizer not in STEPS:
        return {}
    edge = vision.longest_edge_px or 4 * vision.tile_px
    most = max(1, edge // max(vision.tile_px, 1))
    if most > MOST_TILES_PER_EDGE or vision.tokens_per_tile > MOST_TOKENS_PER_TILE:
        return {}
    encoder = BytePairEncoder(*vocabulary(file), language.pre_tokenizer)
    picture = IMAGE * vision.tokens_per_tile
    alone = f"{FAKE}{GLOBAL}{picture}{FAKE}"
    counts = {}
    try:
        counts["0x0"] = len(encoder.encode(alone))
        for rows, columns in dict.fromkeys(((most, most), (max(1, most * 3 // 4), most))):
            grid = "".join(
                "".join(f"{FAKE}<row_{r}_col_{c}>{picture}" for c in range(1, columns + 1)) + "\n"
                for r in range(1, rows + 1)
            )
            counts[f"{rows}x{columns}"] = len(encoder.encode(f"{grid}\n{alone}"))
    except KeyError:  # a vocabulary without tokens for these letters
        return counts
    return counts
