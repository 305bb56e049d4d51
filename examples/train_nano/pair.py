"""A GGUF pair → a reader for `evaluate`: the same tiles and the same prompts, read through smol's own engine."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from smolcli.datatypes import ImagePart, ModelPair, Request, Sampling, TextPart, TilePlan, Tiles, Turn
from smolcli.engine import EngineOptions, load_engine

from . import vocabulary
from .geometry import TILE_PX, TOKENS, Layout
from .samples import Sample

_MARK = vocabulary.SPECIAL_ID["<fake_token_around_image>"]


def _picture(tiles, layout: Layout, size: tuple[int, int]) -> ImagePart:
    plan = TilePlan(size, layout.size_px, layout.size_px, layout.rows, layout.cols, TILE_PX, TOKENS)
    return ImagePart(plan, Tiles(tiles, plan))


def turns_of(sample: Sample) -> tuple[Turn, ...]:
    """The conversation that smol would make of this picture or clip and its question."""
    if not sample.layout.frames:
        picture = _picture(sample.tiles, sample.layout, sample.pictures[0].size)
        return (Turn("user", (picture, TextPart(sample.question))),)
    parts = []
    for i, text in enumerate(_texts(sample.prompt)):
        if i:
            parts.append(_picture(sample.tiles[i - 1 : i], Layout(), sample.pictures[i - 1].size))
        parts.append(TextPart(text))
    return (Turn("user", tuple(parts)),)


def _texts(prompt: list[int]) -> list[str]:
    """What stands before, between and after the frames of a clip's prompt (each one between two marks)."""
    marks = [-1, *(i for i, token in enumerate(prompt) if token == _MARK), len(prompt)]
    texts = [vocabulary.decode(prompt[a + 1 : b]) for a, b in zip(marks[::2], marks[1::2], strict=True)]
    texts[0] = texts[0].removeprefix("User: ")
    texts[-1] = texts[-1].removesuffix("\nAssistant:")
    return texts


def pair_reader(language: Path, projector: Path, stack: ExitStack) -> Callable[[Sample], str]:
    """Reads with a pair; `stack` closes the engine. Raises SmolError when the files are no pair."""
    pair = ModelPair(language, projector, language.stem)
    engine = stack.enter_context(load_engine(pair, EngineOptions()))

    def read(sample: Sample) -> str:
        turns = turns_of(sample)
        ids = engine.tokens(turns).ids.tolist()
        if ids != sample.prompt:
            raise SystemExit(f"{language}: its vocabulary or template is not the recipe's: the ids of a prompt differ")
        wish = Request(0, turns, Sampling(max_tokens=2 * len(sample.text) + 20))
        return [event.text for event in engine.run([wish])][-1]

    return read
