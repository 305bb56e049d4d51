"""A conversion's result comes in; proof that its pairs run, and what each type costs in precision, goes out."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gguf_convert.bpe import BytePairEncoder
from gguf_convert.convert import ConversionResult, ConvertOptions, Progress, WrittenFile, convert
from gguf_convert.names import Tokenizer
from gguf_convert.read import read_gguf, vocabulary
from gguf_convert.verify import FIXTURE, encodable
from smolcli.datatypes import RGB, Floats, ImagePart, ModelFacts, ModelPair, TextPart, Turn
from smolcli.engine import Engine, EngineOptions, load_engine
from smolcli.errors import ModelError
from smolcli.run import geometry
from smolcli.tiles import Detail, cut, parse_detail, plan

QUESTION = "What is on this picture?"
STEPS = 16  # tokens on which logits are compared
REFERENCE = "f32"
PICTURES = ("page", "shapes", "noise")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one type costs against float32. The first two are of tile embeddings, None for a language model.

    cosine: smallest over all rows; relative_error: L2 of the difference over L2 of the reference;
    kl: mean Kullback-Leibler divergence of next-token probabilities, nats; kl_most: its largest;
    agreement: share of positions where the likeliest token is the same.
    """

    part: str
    type: str
    bytes: int
    cosine: float | None
    relative_error: float | None
    kl: float
    kl_most: float
    agreement: float


@dataclass(frozen=True, slots=True)
class _Reading:
    """What a pair computes on the pictures: embeddings (rows, width), log-probabilities of the next token (pictures ×

    steps, vocabulary), and the tokens along which they were taken.
    """

    embeddings: Floats
    logprobs: Floats
    tokens: list[tuple[int, ...]]


def load_and_check(result: ConversionResult) -> list[str]:
    """Load each file with a partner in the engine, tokenize the fixture, embed one tile. Raises ModelError.

    Weights that are no numbers were counted and warned of: what they compute is said, and refuses nothing.
    """
    first = {part: next(file for file in result.files if file.part == part) for part in ("lm", "mmproj")}
    pairs = [(file, first["mmproj"]) for file in result.files if file.part == "lm"]
    pairs += [(first["lm"], file) for file in result.files if file.part == "mmproj" and file is not first["mmproj"]]
    return [_check(lm, mmproj, sound=not result.nonfinite) for lm, mmproj in pairs]


def measure(result: ConversionResult, options: ConvertOptions, progress: Progress) -> list[Cost]:
    """Every written type against a float32 pair, which is made for the purpose and removed again.

    progress: hears the step, bytes done and bytes in all.
    """
    with tempfile.TemporaryDirectory(prefix=".smol-report-", dir=options.out) as folder:
        exact = replace(options, out=Path(folder), lm=(REFERENCE,), mmproj=(REFERENCE,), verify=False, name="reference")
        made = convert(exact, progress)
        lm, mmproj = made.files
        reference = _read(lm, mmproj, None)
        costs = []
        for file in result.files:
            pair = (file, mmproj) if file.part == "lm" else (lm, file)
            costs.append(_cost(file, _read(*pair, reference.tokens), reference))
    return costs


def report_table(costs: list[Cost]) -> dict[str, Any]:
    """What `--json` adds."""
    return {
        "reference": REFERENCE,
        "pictures": list(PICTURES),
        "steps": STEPS,
        "types": [asdict(cost) for cost in costs],
    }


def pictures(facts: ModelFacts) -> list[RGB]:
    """Three reproducible pictures of one tile, uint8 (T, T, 3): rows of words, flat shapes on a gradient, noise."""
    size = facts.tile_px
    y, x = np.mgrid[:size, :size]
    rng = np.random.default_rng(7)
    words = rng.random((size // 8 + 1, size // 4 + 1)) < 0.7
    ink = words[y // 8, x // 4] & (y % 8 < 5) & (x % 4 < 3)
    page = np.where(ink, 30, 250)[..., None].repeat(3, axis=2)
    shapes = np.stack([x * 255 // size, y * 255 // size, (x + y) * 127 // size], axis=2)
    shapes[(x - size // 3) ** 2 + (y - size // 2) ** 2 < (size // 5) ** 2] = (220, 40, 40)
    shapes[(x > size // 2) & (y > 2 * size // 3)] = (20, 60, 160)
    noise = rng.integers(0, 256, (size, size, 3))
    return [picture.astype(np.uint8) for picture in (page, shapes, noise)]


def _check(lm: WrittenFile, mmproj: WrittenFile, sound: bool) -> str:
    with _open(lm, mmproj) as engine:
        file = read_gguf(lm.path)
        own = BytePairEncoder(*vocabulary(file), file.metadata.get(Tokenizer.PRE))
        text = encodable(FIXTURE, own)
        if engine.tokenize(text) != own.encode(text):
            raise ModelError(f"llama.cpp tokenizes with {lm.path.name} differently than its tokenizer.json says.")
        rows = engine.embed(pictures(engine.facts)[1])
    usable = bool(np.isfinite(rows).all() and rows.any())
    if sound and not usable:
        raise ModelError(
            f"{mmproj.path.name} makes no usable embeddings of a tile.",
            "Are the weights sound? --no-verify writes the files all the same.",
        )
    made = f"{rows.shape[0]} rows of {rows.shape[1]} from one tile" if usable else "no usable embeddings of a tile"
    return f"loaded {lm.path.name} with {mmproj.path.name}: {made}"


def _read(lm: WrittenFile, mmproj: WrittenFile, along: list[tuple[int, ...]] | None) -> _Reading:
    """along: the tokens to compare on, by picture; None: those that this pair writes."""
    embeddings, logprobs, tokens = [], [], []
    with _open(lm, mmproj) as engine:
        shape, detail = geometry(engine.facts), parse_detail("low")
        for index, picture in enumerate(pictures(engine.facts)):
            embeddings.append(engine.embed(picture))
            turns = (_turn(picture, shape, detail),)
            tokens.append(along[index] if along else _written(engine, turns))
            logprobs += engine.score(turns, [tokens[-1]])
    if not (np.isfinite(embeddings).all() and np.isfinite(logprobs).all()):
        raise ModelError(f"{lm.path.name} with {mmproj.path.name} computes no numbers: there is nothing to compare.")
    return _Reading(np.concatenate(embeddings), np.concatenate(logprobs), tokens)


def _written(engine: Engine, turns: tuple[Turn, ...]) -> tuple[int, ...]:
    """The likeliest tokens one after another, past any end; the last one stands for whatever comes next."""
    ids: tuple[int, ...] = ()
    while len(ids) < STEPS - 1:
        [logprobs] = engine.score(turns, [(*ids, 0)])
        ids = (*ids, int(logprobs[-1].argmax()))
    return (*ids, 0)


def _turn(picture: RGB, shape: Any, detail: Detail) -> Turn:
    planned = plan((picture.shape[1], picture.shape[0]), shape, detail)
    return Turn("user", (ImagePart(planned, cut(picture, planned)), TextPart(QUESTION)))


def _open(lm: WrittenFile, mmproj: WrittenFile) -> Engine:
    return load_engine(ModelPair(lm.path, mmproj.path, lm.path.stem), EngineOptions(device="cpu"))


def _cost(file: WrittenFile, found: _Reading, reference: _Reading) -> Cost:
    divergence = _kl(reference.logprobs, found.logprobs)
    agreement = float(np.mean(reference.logprobs.argmax(axis=1) == found.logprobs.argmax(axis=1)))
    cosine = error = None
    if file.part == "mmproj":
        exact, rough = reference.embeddings.astype(np.float64), found.embeddings.astype(np.float64)
        lengths = np.linalg.norm(exact, axis=1) * np.linalg.norm(rough, axis=1)
        cosine = float(((exact * rough).sum(axis=1) / lengths).min())
        error = float(np.linalg.norm(rough - exact) / np.linalg.norm(exact))
    return Cost(
        part=file.part,
        type=file.type,
        bytes=file.bytes,
        cosine=cosine,
        relative_error=error,
        kl=float(divergence.mean()),
        kl_most=float(divergence.max()),
        agreement=agreement,
    )


def _kl(reference: Floats, other: Floats) -> Floats:
    """KL(reference || other) of log-probabilities per position, nats, never below 0 by rounding."""
    p, q = reference.astype(np.float64), other.astype(np.float64)
    divergence: Floats = np.maximum((np.exp(p) * (p - q)).sum(axis=1), 0)
    return divergence
