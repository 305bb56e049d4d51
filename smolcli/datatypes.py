"""The nouns that flow from room to room: media → tiles → prompt → engine → run.

Arrays wear shape and dtype, numbers their unit (`_px`, `_s`, `_tokens`). An index counts from 0, a `page` from 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from smolcli.printable import clock, seconds

if TYPE_CHECKING:  # importing numpy takes longer than `smol --help` may
    import numpy as np
    import numpy.typing as npt

    RGB = npt.NDArray[np.uint8]  # (H, W, 3), or (N, T, T, 3) for tiles
    Floats = npt.NDArray[np.float32]
else:
    RGB = Floats = Any

Kind = Literal["image", "page", "video"]
Size = tuple[int, int]  # (width, height), pixels
Box = tuple[float, float, float, float]  # left, top, width, height as shares of a picture


@dataclass(frozen=True, slots=True)
class Source:
    """Where media came from. path: as the user gave it, or "-"; sha256: of the file's bytes (hex).

    Of a large file the hash is made while it is read (media/reading.py): who asks for it then waits for it.
    """

    path: str
    kind: Kind
    sha256: str = field(default="", hash=False)

    @property
    def is_hashed(self) -> bool:
        """Whether nobody would wait for the hash."""
        return True


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """What a picture's file says of it: its upright size, and basics of its EXIF by their names there."""

    size_px: Size
    exif: tuple[tuple[str, str | int | float], ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """One picture's place in its source: a page (1-based), a moment (seconds), or neither for a plain image.
    index: 0-based position within the source (page, animation frame, or video frame number).
    time_s: index / native fps, as the prompt's label shows (transformers: video_processing_smolvlm.py); the stream's
    own time where its rate varies. stream_time_s: the frame's time in the container, where the decoder knows it.
    box: left, top, width, height as shares of the upright picture (0 to 1); window_s: of a clip, from and to, or None.
    """

    source: Source
    index: int = 0
    page: int | None = None
    time_s: float | None = None
    stream_time_s: float | None = None
    box: Box | None = None
    window_s: tuple[float, float] | None = None
    picture: PictureFacts | None = field(default=None, compare=False, repr=False)

    @property
    def uri(self) -> str:
        """The file's name, and where in it as RFC 8118 (`page=`) and W3C Media Fragments (`t=`, `xywh=percent:`) do."""
        parts = [f"page={self.page}"] if self.page is not None else []
        parts += [f"t={seconds(self.time_s)}"] if self.time_s is not None else []
        parts += ["t=" + ",".join(map(seconds, self.window_s))] if self.window_s else []
        parts += ["xywh=percent:" + ",".join(f"{100 * share:g}" for share in self.box)] if self.box else []
        return "#".join([self.source.path, "&".join(parts)]).removesuffix("#")

    @property
    def label(self) -> str:
        """ "page 3", "0:12.5", "0:12.0-0:20.5", or the file's name."""
        if self.page is not None:
            return f"page {self.page}"
        if self.time_s is not None:
            return clock(self.time_s)
        if self.window_s is not None:
            return "-".join(map(clock, self.window_s))
        return self.source.path


@dataclass(frozen=True, slots=True)
class Frame:
    """One upright picture: rgb uint8 (H, W, 3); `warnings` are sentences about what was odd with it."""

    rgb: RGB
    place: Place
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outline:
    """A frame before it is decoded: its place, its upright size in pixels, enough to plan with, and what is odd."""

    place: Place
    size_px: Size
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What a clip says of itself. duration_s: total_frames / fps; fps: 24 where the file does not tell (transformers),
    the mean where it varies.
    """

    size_px: Size
    fps: float
    duration_s: float
    total_frames: int


@dataclass(frozen=True, slots=True)
class TilePlan:
    """How one picture is cut. rows = cols = 0 is the unsplit form: one tile, which is the whole picture. resized_px:
    after the resize to the longest edge; refined_px: after the resize to whole tiles.
    """

    source_px: Size
    resized_px: Size
    refined_px: Size
    rows: int
    cols: int
    tile_px: int
    tokens_per_tile: int

    @property
    def encodes(self) -> int:
        """Vision-tower passes: every tile of the grid and the global view."""
        return self.rows * self.cols + 1

    @property
    def tokens(self) -> int:
        """Image rows that the language model reads (markers and line breaks not counted)."""
        return self.encodes * self.tokens_per_tile


@dataclass(frozen=True, slots=True)
class Tiles:
    """rgb uint8 (encodes, T, T, 3), row by row, the global view last; digests: blake2b-16 of each tile's pixels, made
    where it is cut (tiles.py): equal tiles are encoded once.
    """

    rgb: RGB
    plan: TilePlan
    digests: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class TextPart:
    """Text of a turn. Only trusted text (ours) may hold special tokens; a user's text never becomes one."""

    text: str
    trusted: bool = False


@dataclass(frozen=True, slots=True)
class ImagePart:
    """A picture's position in a turn. `tiles` is None while a request is only being planned; source: the file that it
    was cut from, where there is one.
    """

    plan: TilePlan
    tiles: Tiles | None = None
    source: Source | None = None


Part = TextPart | ImagePart


@dataclass(frozen=True, slots=True)
class Turn:
    """One message: role "system", "user" or "assistant" and its parts, in order."""

    role: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class ModelPair:
    """The two GGUF files of one model; max_frames: most that it was trained to read at once; note: what it is for."""

    language: Path
    projector: Path
    name: str
    max_frames: int = 64
    note: str = ""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a loaded pair says of itself (GGUF keys in brackets):
    tile_px [clip.vision.image_size], tokens_per_tile [(image_size / patch_size / projector.scale_factor)²],
    longest_edge_px [clip.vision.preproc_image_size, else 4 × image_size], grid_limit [most rows or columns with a
    position token], context_tokens [llama.context_length], width [llama.embedding_length]; doctags: it writes pages in
    that markup (`<doctag>` is one of its tokens). `warnings` are sentences for the user.
    """

    name: str
    family: str
    tile_px: int
    tokens_per_tile: int
    longest_edge_px: int
    grid_limit: int
    context_tokens: int
    width: int
    image_token: int
    max_frames: int
    warnings: tuple[str, ...] = ()
    doctags: bool = False


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is chosen. temperature 0 is greedy; max_tokens None: what the context holds, at most 1024;
    seed None: a fresh one for each run. stop: strings that end the answer, and are no part of it.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
