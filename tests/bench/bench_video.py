"""Clips with a known story, the built-in model: order, colours, words and times; and 64 frames of a full-size model.

    python tests/bench/bench_video.py [--clips 12] [--checkpoint FOLDER] [--tools FOLDER] [--record FOLDER]

A story is three to five scenes of 4 to 9 s: a word, or a coloured shape that moves. --checkpoint: a folder made by
make_checkpoint.py: seconds and memory of 64 frames, of a clip that moves and of one that stands still. --tools:
llama.cpp's, whose llama-mtmd-cli reads the moving one at the same number of frames.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import records
from bench_ask import full_size

import smolcli
from smolcli.media import Media, MediaOptions, WindowOptions, find_media, open_media, scenes_of, windows_of
from smolcli.models import builtin
from smolcli.run import Access
from smolcli.verbs import ClipQuestions, Finding, Looking, Watching

FPS, SIZE = 10, (512, 384)
WORDS = ["Harbour", "Bakery", "Garden", "Station", "Market", "Museum", "Library", "Bridge", "Castle", "Forest"]
COLOURS = {"red": (40, 40, 220), "blue": (220, 80, 30), "green": (60, 160, 40), "yellow": (40, 200, 240)}
SHAPES = ("circle", "square")
FRAMES = 64


@dataclass(frozen=True)
class Scene:
    """What is shown from when to when (seconds): a word, or a shape of a colour."""

    start_s: float
    end_s: float
    word: str = ""
    colour: str = ""
    shape: str = ""


def story(rng: random.Random) -> list[Scene]:
    scenes: list[Scene] = []
    words, shapes = rng.sample(WORDS, 5), [(c, s) for c in COLOURS for s in SHAPES]
    rng.shuffle(shapes)
    start_s = 0.0
    for number in range(rng.randint(3, 5)):
        end_s = start_s + rng.randint(8, 18) / 2
        if rng.random() < 0.5:
            scenes.append(Scene(start_s, end_s, word=words[number]))
        else:
            scenes.append(Scene(start_s, end_s, "", *shapes[number]))
        start_s = end_s
    return scenes


def draw(path: Path, scenes: list[Scene]) -> None:
    import cv2

    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*"mp4v"), FPS, SIZE)
    for scene in scenes:
        for number in range(round((scene.end_s - scene.start_s) * FPS)):
            writer.write(drawn(scene, number))
    writer.release()


def drawn(scene: Scene, number: int) -> np.ndarray:
    import cv2
    from PIL import Image, ImageDraw, ImageFont

    bgr = np.full((SIZE[1], SIZE[0], 3), 255, np.uint8)
    x, y = 150 + 3 * (number % 60), 190
    if scene.shape == "circle":
        cv2.circle(bgr, (x, y), 80, COLOURS[scene.colour], -1)
    elif scene.shape:
        cv2.rectangle(bgr, (x - 75, y - 75), (x + 75, y + 75), COLOURS[scene.colour], -1)
    else:
        picture = Image.fromarray(bgr)
        font = ImageFont.load_default(60)
        ImageDraw.Draw(picture).text((90, 150), scene.word, font=font, fill="black")
        bgr = np.asarray(picture)
    return bgr


def overlap(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Intersection over union of two stretches of time."""
    common = max(0.0, min(one[1], other[1]) - max(one[0], other[0]))
    return common / (max(one[1], other[1]) - min(one[0], other[0]))


class Scores:
    """Right ones of all, by what was asked."""

    def __init__(self) -> None:
        self.all: dict[str, list[float]] = {}

    def add(self, name: str, value: float) -> None:
        self.all.setdefault(name, []).append(value)


def watched(
    reader: smolcli.Reader, path: str, question: str, windows: Callable[[Media], Iterable[smolcli.Place]]
) -> list[smolcli.Answer]:
    """What is said of each window."""
    template = reader.template("video", [question], look=smolcli.Look("low"))
    asking = ClipQuestions(reader.files, [path], template, Access(), Watching(windows))
    said = [each for each in asking.answers(reader.stream(asking.jobs())) if isinstance(each, smolcli.Answer)]
    return [answer for answer in said if answer.job.places[0].window_s is not None] or said


def found(reader: smolcli.Reader, path: str, what: str) -> list[tuple[float, float]]:
    template = reader.template("ask", [f"Is there {what}?"], look=smolcli.Look("low"))
    finding = Finding(reader.files, find_media([path], False), template, Access(), Looking())
    events = finding.answers(reader.stream(finding.jobs()))
    return [each.job.places[0].window_s for each in events if isinstance(each, smolcli.Answer)]


def judge(reader: smolcli.Reader, path: str, scenes: list[Scene], scores: Scores) -> None:
    """Ask about the scenes as they are, about windows of 4 s in their order, and for when things are seen."""

    def one(scene: Scene, question: str) -> str:
        place = lambda media: [smolcli.Place(media.source, window_s=(scene.start_s, scene.end_s))]  # noqa: E731
        return " ".join(answer.text for answer in watched(reader, path, question, place)).lower()

    with open_media(path, MediaOptions(moving=True)) as media:
        starts = [(place.window_s or (0.0, 0.0))[0] for place in scenes_of(media, WindowOptions())]
    for scene in scenes[1:]:
        scores.add("scenes that are cut within 0.5 s", float(any(abs(at - scene.start_s) <= 0.5 for at in starts)))
    for at in starts[1:]:
        scores.add("cuts that are where a scene begins", float(any(abs(at - s.start_s) <= 0.5 for s in scenes[1:])))
    for scene in scenes:
        if scene.word:
            scores.add("words", float(scene.word.lower() in one(scene, "What does it say?")))
            continue
        scores.add("colours", float(scene.colour in one(scene, f"What color is the {scene.shape}?")))
        stretches = found(reader, path, f"a {scene.colour} {scene.shape}")
        best = max((overlap(each, (scene.start_s, scene.end_s)) for each in stretches), default=0.0)
        scores.add("find: overlap with the time that is right (IoU)", best)
        scores.add("find: one stretch, and the right one", float(len(stretches) == 1 and best > 0.5))
    words = [scene.word.lower() for scene in scenes if scene.word]
    if len(words) > 1:
        told = watched(reader, path, "What does it say?", lambda media: windows_of(media, WindowOptions(every_s=4.0)))
        places = [" ".join(answer.text for answer in told).lower().find(word) for word in words]
        scores.add("order of the words", float(-1 not in places and places == sorted(places)))


def stories(clips: int, folder: Path, recorded: records.Found) -> None:
    scores, rng = Scores(), random.Random(0)
    with smolcli.open(store=False) as reader:
        for number in range(clips):
            scenes = story(rng)
            path = folder / f"{number}.mp4"
            draw(path, scenes)
            judge(reader, str(path), scenes, scores)
    print(f"| {clips} clips, the built-in model | right | of |\n|---|---|---|")
    for name, values in scores.all.items():
        recorded.add(name, "share", [float(np.mean(values))])
        print(f"| {name} | {np.mean(values):.3f} | {len(values)} |")


def frames(folder: Path, pair: list[Path], tools: Path | None, recorded: records.Found) -> None:
    """64 frames of a clip that moves, and of one that stands still."""
    import cv2

    rng = np.random.default_rng(0)
    for name in ("moving", "still"):
        path = folder / f"{name}.mp4"
        writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*"mp4v"), 1, SIZE)
        one = rng.integers(0, 255, (24, 32, 3), np.uint8)
        for _ in range(FRAMES + 2):
            one = rng.integers(0, 255, (24, 32, 3), np.uint8) if name == "moving" else one
            writer.write(cv2.resize(one, SIZE, interpolation=cv2.INTER_CUBIC))
        writer.release()
        command = [sys.executable, "-m", "smolcli", "video", str(path), "What happens?", "--frames", str(FRAMES)]
        command += ["--max-tokens", "32", "--no-store", "--json", "-q", "-m", str(pair[0]), "--mmproj", str(pair[1])]
        began_s = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        wall_s, peak_mb = time.perf_counter() - began_s, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        record = json.loads(done.stdout)
        spent, counts = record["seconds"], record["counts"]
        print(
            f"{name}: {counts['encodes']} encodes {spent['encode']:.1f} s, prefill {spent['prefill']:.1f} s, decode "
            f"{spent['decode']:.1f} s, wall {wall_s:.1f} s, peak {peak_mb:.0f} MB",
            flush=True,
        )
        for what in ("encode", "prefill", "decode"):
            recorded.add(f"{name}: {what}", "s", [spent[what]])
        recorded.add(f"{name}: encodes", "", [counts["encodes"]])
        recorded.add(f"{name}: peak memory so far", "MB", [peak_mb])
    if tools is not None:
        peer(folder / "moving.mp4", pair, tools, recorded)


def peer(path: Path, pair: list[Path], tools: Path, recorded: records.Found) -> None:
    """llama-mtmd-cli at a frame a second. It reads clips through a pipe, so what a player needs has to come first."""
    whole, path = path, path.with_suffix(".first.mp4")
    subprocess.run(["ffmpeg", "-v", "error", "-i", whole, "-c", "copy", "-movflags", "+faststart", path], check=True)
    (program,) = list(tools.rglob("llama-mtmd-cli"))[:1]
    command = [str(program), "-m", str(pair[0]), "--mmproj", str(pair[1]), "--video", str(path), "-p", "What happens?"]
    command += ["-n", "32", "--video-fps", "1", "--temp", "0", "-c", "8192"]
    began_s = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wall_s = time.perf_counter() - began_s
    images = len(re.findall(r"image slice encoded|encoded in", done.stderr))
    peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(
        f"llama-mtmd-cli: code {done.returncode}, {images} pictures, wall {wall_s:.1f} s, peak of all {peak_mb:.0f} MB"
    )
    print(done.stderr[-600:] if done.returncode else "")
    recorded.add("moving: wall", "s", [wall_s], tool="llama-mtmd-cli")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=12)
    parser.add_argument("--checkpoint", type=Path, help="folder made by make_checkpoint.py (made if absent)")
    parser.add_argument("--tools", type=Path, help="a folder with llama-mtmd-cli")
    records.add_option(parser)
    options = parser.parse_args()
    recorded = records.Found("video", "Clips with a known story", builtin())
    with tempfile.TemporaryDirectory() as name:
        if options.clips:
            stories(options.clips, Path(name), recorded)
        if options.checkpoint is not None:
            model = full_size(options.checkpoint)
            frames(Path(name), [model.language, model.projector], options.tools, recorded)
    recorded.write(options.record)


if __name__ == "__main__":
    main()
