"""GGUF files come in; what they hold, how they fit together, and what is doubtful about them goes out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gguf import TokenType

from .bpe import STEPS, BytePairEncoder
from .outputs import KEY_PREFIX, PAIR_KEY, Part
from .read import GGUFFile, as_float, as_int, read_gguf, vocabulary
from .vision import EPS_KEY, PREPROC_KEY
from .write import TensorInfo

IMAGE, FAKE, GLOBAL, FIRST_TILE = "<image>", "<fake_token_around_image>", "<global-img>", "<row_1_col_1>"
SPECIALS = ("bos", "eos", "unknown", "padding")
TRAINED_EPS = 1e-6
MOST_TILES_PER_EDGE, MOST_TOKENS_PER_TILE = 16, 4096  # beyond, a file lies
GROUPS = (  # the first that a tensor's name contains
    ("attn_norm", "norms"),
    ("attn_", "attention"),
    ("token_embd", "token embedding"),
    ("output.weight", "output head"),
    ("patch_embd", "patch embedding"),
    ("position_embd", "position embedding"),
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
    architecture = str(get("general.architecture", ""))
    language = _language(file) if architecture == "llama" else None
    vision = _vision(file) if architecture == "clip" else None
    part = "lm" if language else "mmproj" if vision else ""
    warnings = [] if part else [f"{file.path.name} is a {architecture or 'nameless'} model, not one of this family."]
    warnings += _language_doubts(file.path.name, language) if language else []
    warnings += _vision_doubts(file.path.name, file, vision) if vision else []
    return FileReport(
        path=file.path,
        bytes=file.bytes,
        part=part,
        architecture=architecture,
        name=str(get("general.name", "")),
        values=sum(math.prod(tensor.shape) for tensor in file.tensors),
        shares=_shares(file.tensors),
        language=language,
        vision=vision,
        source=str(get(KEY_PREFIX + "source.name", "")),
        revision=str(get(KEY_PREFIX + "source.revision", "")),
        pair_id=str(get(PAIR_KEY, "")),
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
    heads = as_int(get("llama.attention.head_count"))
    width = as_int(get("llama.embedding_length"))
    specials = {name: as_int(get(f"tokenizer.ggml.{name}_token_id"), -1) for name in SPECIALS}
    return LanguageFacts(
        layers=as_int(get("llama.block_count")),
        width=width,
        ffn=as_int(get("llama.feed_forward_length")),
        heads=heads,
        kv_heads=as_int(get("llama.attention.head_count_kv"), heads),
        head_dim=as_int(get("llama.attention.key_length"), width // max(heads, 1)),
        context=as_int(get("llama.context_length")),
        rope_theta=as_float(get("llama.rope.freq_base"), 10000.0),
        vocab=len(tokens),
        pre_tokenizer=str(get("tokenizer.ggml.pre", "")),
        specials={name: (i, tokens[i]) for name, i in specials.items() if 0 <= i < len(tokens)},
        markers={text: control.get(text) for text in (IMAGE, FAKE, GLOBAL, FIRST_TILE)},
        template=str(get("tokenizer.chat_template", "")),
    )


def _vision(file: GGUFFile) -> VisionFacts:
    get = file.metadata.get
    tile, patch = as_int(get("clip.vision.image_size")), as_int(get("clip.vision.patch_size"))
    scale = as_int(get("clip.vision.projector.scale_factor"), 1)
    edge = get(PREPROC_KEY)
    return VisionFacts(
        layers=as_int(get("clip.vision.block_count")),
        width=as_int(get("clip.vision.embedding_length")),
        ffn=as_int(get("clip.vision.feed_forward_length")),
        heads=as_int(get("clip.vision.attention.head_count")),
        tile_px=tile,
        patch_px=patch,
        scale_factor=scale,
        tokens_per_tile=(tile // max(patch, 1)) ** 2 // max(scale, 1) ** 2,
        longest_edge_px=as_int(edge) if edge is not None else None,
        eps=as_float(get(EPS_KEY)),
        text_width=as_int(get("clip.vision.projection_dim")),
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
    projector = file.metadata.get("clip.projector_type")
    if projector != "idefics3":
        doubts.append(f"{name} is a projector of type {projector}, not idefics3.")
    if vision.longest_edge_px is None:
        doubts.append(
            f"{name} lacks {PREPROC_KEY}: llama.cpp's own preprocessing will not enlarge pictures, so 640×480 is read "
            f"from 2 tiles instead of 13 (`smol repair {name} --longest-edge {4 * vision.tile_px}` adds the key)."
        )
    if not vision.eps:
        doubts.append(f"{name} lacks {EPS_KEY}: llama.cpp will not load it.")
    elif not math.isclose(vision.eps, TRAINED_EPS, rel_tol=0.01):
        doubts.append(f"{name} has layer norm epsilon {vision.eps:g}; the family was trained with {TRAINED_EPS:g}.")
    if "clip.vision.projector.scale_factor" not in file.metadata.values:
        doubts.append(f"{name} lacks clip.vision.projector.scale_factor: patches will not be merged.")
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
