"""Task, layout, random state → one training sample: tiles, prompt, answer and the two free labels."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from . import labels, prompts, vocabulary
from .drawing import clips, forms, pages, photos, scenes, shapes, tables
from .drawing.sheet import Drawn
from .drawing.wear import wear
from .geometry import TOKENS, UNSPLIT, Layout, cut

CLIP = "clip"
PAINTERS = {
    "word": pages.word_page,
    "line": pages.line_page,
    "sign": pages.sign_page,
    "paragraph": pages.paragraph_page,
    "columns": pages.columns_page,
    "dense": pages.dense_page,
    "form": forms.form_page,
    "receipt": forms.receipt_page,
    "table": tables.table_page,
    "shape": shapes.shape_page,
    "scene": scenes.scene_page,
    "photo": photos.photo_page,
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture or clip, its question and its answer.

    tiles    uint8 (tiles, 256, 256, 3)
    labels   uint8 (tiles, 256, 4), see `labels.patch_labels`
    prompt, answer   ids; the answer starts with a space and ends with <end_of_utterance>
    pictures as drawn, before the processor's resize: one, or one per frame
    cells    per answer id the image token (0 … 64 · tiles - 1) where its character stands, -1 where it stands nowhere
    """

    task: str
    question: str
    text: str
    tiles: np.ndarray
    labels: np.ndarray
    prompt: list[int]
    answer: list[int]
    cells: list[int]
    pictures: list[Image.Image]


@dataclass(frozen=True, slots=True)
class Options:
    """How to draw: with `held`-out fonts and words, which `level` of wear, whether prompts are `varied` in form."""

    held: bool = False
    level: float = 0.5
    varied: bool = True


def draw(rng, task: str, layout: Layout, options: Options = Options()) -> Sample:
    """One sample of `task`; clips take the number of frames from `layout`, everything else its grid."""
    if layout.frames:
        drawn = clips.clip(rng, layout.frames, options.held)
    else:
        drawn = PAINTERS[task](rng, layout, options.held)
    return _assemble(rng, task, layout, drawn, options)


def _assemble(rng, task: str, layout: Layout, drawn: Drawn, options: Options) -> Sample:
    grid = UNSPLIT if layout.frames else layout
    tiles, marks, cells = [], [], []
    for i, canvas in enumerate(drawn.frames):
        scale = min(grid.size_px[0] / canvas.size[0], grid.size_px[1] / canvas.size[1])
        wear(canvas, rng, options.level * drawn.wear, scale)
        tiles.append(cut(canvas.image, layout))
        marks.append(labels.patch_labels(canvas.letters, canvas.size, grid))
        cells.append(labels.letter_cells(canvas.letters, canvas.size, grid) + i * TOKENS)
    cells = np.concatenate(cells)
    where = [int(cells[letter]) if letter >= 0 else -1 for letter in drawn.answer.letters]
    text = drawn.answer.text
    answer = [*vocabulary.encode(" " + text), vocabulary.END]
    where = [where[0] if where else -1, *where, -1]
    if len(where) != len(answer):  # one id per character no longer: an answer beyond ASCII, or with an empty line
        where = [-1] * len(answer)
    question = prompts.hinted(rng, drawn.question, text) if options.varied else drawn.question
    prompt = _prompt(rng, question, layout)
    if options.varied:
        prompt = prompts.varied(rng, prompt, question)
    ids = vocabulary.encode(prompt)
    pictures = [canvas.image for canvas in drawn.frames]
    return Sample(
        task, drawn.question, text, np.concatenate(tiles), np.concatenate(marks), ids, answer, where, pictures
    )


def _prompt(rng, question: str, layout: Layout) -> str:
    if not layout.frames:
        return prompts.image_prompt(question, layout)
    if layout.frames < 16 or rng.random() < 0.5:  # one frame a second, the usual case
        duration = layout.frames + rng.choice([0, 0, rng.uniform(-0.4, 0.4)])
    else:  # a longer clip, spread over the frames that there are
        duration = rng.uniform(16, 120)
    fps = rng.choice([24, 25, 30, 30, 10, 5])
    times = prompts.frame_labels(duration, fps, layout.frames)
    if len(times) != layout.frames:  # rounding: take the plain case
        duration, times = layout.frames, prompts.frame_labels(layout.frames, fps, layout.frames)
    return prompts.clip_prompt(question, times, duration)
