"""smol beside llama.cpp's own tools: the same pair, pictures, tokens and threads, in turns, and what each took.

    python tests/bench/bench_peers.py --tools llama.cpp/build/bin [--checkpoint DIR] [--mmproj f16] [--rounds 5]
        [--parts image,tuned,page,cold,folder] [--binding DIR] [--record docs/benchmarks]

LLAMA_TOOLS=FOLDER stands for --tools. A record is written for each part.

image: one 640×488 picture, cold, 32 tokens, and what --detail native and low gain. tuned: the same with a projector in
F16, as pairs are usually downloaded, as it comes and as `smol tune speed --allow-changes` found best. page: 40 % of it
is blank. cold: the built-in model, from the start to the first token. folder: 16 pictures, 40 tokens, against
llama-server and a loop of llama-mtmd-cli; all make three tiles of each, as these two get a projector that does not name
the size to enlarge to. Medians, the spread, and the median of the ratios of runs that followed each other; above 1 smol
is faster. --binding: a folder with another build of llama_cpp for smol, such as one for AVX2 alone, which has a record
of its own; put it on PYTHONPATH too, so that the record says what it was built for.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import numpy as np
import records
from bench_ask import pair
from make_checkpoint import make_checkpoint
from PIL import Image

from smolcli.checks.peers import Peers, PeerTask, Watched, find_peers
from smolcli.datatypes import ModelPair
from smolcli.models import builtin

ROOT = Path(__file__).resolve().parents[2]
QUESTION = "What is this?"
SIZE_KEY, NO_KEY = b"clip.vision.preproc_image_size", b"clip.vision.preproc_image_none"
PICTURES, AT_ONCE = 16, 4
OTHER_BUILD = "-other-build"
AIMS = {  # part, ours, theirs → how many times as fast we want to be
    ("peers-image", "smol ask", "llama-mtmd-cli"): 1.02,
    ("peers-tuned", "smol ask, tuned", "llama-mtmd-cli"): 1.25,
    ("peers-page", "smol ask", "llama-mtmd-cli"): 1.3,
    ("peers-folder", "smol caption, native", "llama-server"): 1.0,
    ("peers-folder", "smol caption, native", "llama-mtmd-cli, a loop"): 1.5,
}

Took = tuple[float, float]  # seconds, peak memory in MB


def smol(verb: str, pictures: list[Path], task: PeerTask, *more: str) -> Took:
    """A command of smol as a process of its own."""
    question = [QUESTION] if verb == "ask" else []
    files = ["-m", str(task.pair.language), "--mmproj", str(task.pair.projector)]
    limits = ["--max-tokens", str(task.max_tokens), "--threads", str(task.threads), "-q", "--no-store"]
    command = [sys.executable, "-m", "smolcli", verb, *map(str, pictures), *question, *files, *limits, *more]
    with tempfile.TemporaryFile("a+b") as out, tempfile.TemporaryFile("a+b") as log:
        start = time.perf_counter()
        watched = Watched(command, out, log)
        code = watched.wait(3600)
        seconds = time.perf_counter() - start
        log.seek(0)
        if code:
            sys.exit(f"{' '.join(command)} failed: {log.read().decode()[-500:]}")
    return seconds, watched.peak_bytes / 1e6


def command(peers: Peers, pictures: list[Path], task: PeerTask) -> Took:
    """llama-mtmd-cli, once for each picture."""
    answers = [peers.ask(task, picture, QUESTION) for picture in pictures]
    return sum(answer.seconds for answer in answers), max(answer.peak_bytes for answer in answers) / 1e6


def server(peers: Peers, pictures: list[Path], task: PeerTask) -> Took:
    """llama-server, from its start to the last answer, as many at a time as smol captions."""
    start = time.perf_counter()
    with peers.serve(task, AT_ONCE) as served:
        served.ask_all(pictures, QUESTION)
        return time.perf_counter() - start, served.peak_bytes / 1e6


def compare(title: str, contenders: dict[str, Callable[[], Took]], rounds: int, found: records.Found) -> None:
    """Run all in turns, the first one is the peer of the others, and say what each took. found: gets it too."""
    took: dict[str, list[Took]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            took[name].append(run())
    print(title)
    peer = next(iter(took.values()))
    for name, runs in took.items():
        seconds = sorted(run[0] for run in runs)
        ratios = sorted(other[0] / own[0] for other, own in zip(peer, runs, strict=True))
        spread = f"{seconds[0]:.2f} to {seconds[-1]:.2f}"
        memory = statistics.median(run[1] for run in runs)
        print(f"  {name:24s} {statistics.median(seconds):7.2f} s ({spread})  peak {memory:5.0f} MB", end="")
        print(f"  {statistics.median(ratios):.2f} × ({ratios[0]:.2f} to {ratios[-1]:.2f})", flush=True)
    put_down(title, took, found)


def put_down(title: str, took: dict[str, list[Took]], found: records.Found) -> None:
    """Seconds and memory of each, and how many times as fast smol was as each of the others, round by round."""
    for name, runs in took.items():
        tool = "" if name.startswith("smol") else name
        found.add(f"{title}: {name}", "s", [seconds for seconds, _ in runs], tool=tool)
        found.add(f"{title}: {name}, peak memory", "MB", [peak for _, peak in runs], tool=tool)
        for peer, theirs in took.items() if not tool else ():
            if not peer.startswith("smol"):
                values = records.paired([run[0] for run in theirs], [run[0] for run in runs])
                found.ratio(
                    f"{title}: {name}",
                    peer,
                    values,
                    AIMS.get((found.benchmark.removesuffix(OTHER_BUILD), name, peer), 0.0),
                )


def noise(size_px: tuple[int, int], seed: int) -> Image.Image:
    """A picture of coloured squares, no two alike."""
    width, height = size_px
    squares = np.random.default_rng(seed).integers(0, 256, (-(-height // 8), -(-width // 8), 3), dtype=np.uint8)
    return Image.fromarray(np.kron(squares, np.ones((8, 8, 1), np.uint8))[:height, :width])


def page() -> Image.Image:
    """2048 px square, of which the last row, half of the row above it and a margin are white: 40 % of it."""
    picture = noise((2048, 2048), 7)
    for box in ((0, 1536, 2048, 2048), (1024, 1024, 2048, 1536), (0, 0, 51, 1536), (51, 0, 102, 512)):
        picture.paste("white", box)
    return picture


def main() -> None:
    """Measure the parts that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    tools = os.environ.get("LLAMA_TOOLS")
    help_text = "folder with llama-mtmd-cli and llama-server"
    parser.add_argument("--tools", type=Path, required=not tools, default=tools and Path(tools), help=help_text)
    parser.add_argument("--checkpoint", type=Path, help="folder made by make_checkpoint.py (made if absent)")
    parser.add_argument("--mmproj", default="f16")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--parts", default="image,tuned,page,cold,folder")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--binding", type=Path, help="folder that holds another llama_cpp")
    records.add_option(parser)
    options = parser.parse_args()
    found = [str(options.binding.resolve())] if options.binding else []
    os.environ["PYTHONPATH"] = os.pathsep.join([*found, str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    with tempfile.TemporaryDirectory() as scratch:
        checkpoint = options.checkpoint or Path(scratch, "full")
        if not (checkpoint / "config.json").exists():
            make_checkpoint(checkpoint)
        model = ModelPair(*pair(checkpoint, options.mmproj), "full")
        for part in options.parts.split(","):
            used = builtin() if part == "cold" else model
            name, title = f"peers-{part}", TITLES[part]
            if options.binding:
                name, title = f"{name}{OTHER_BUILD}", f"{title}; another build of llama.cpp"
            options.found = records.Found(name, title, used, (f"{options.threads} threads",))
            PARTS[part](find_peers(options.tools), model, Path(scratch), options)
            options.found.write(options.record)


def image(peers: Peers, model: ModelPair, scratch: Path, options: argparse.Namespace) -> None:
    """One picture."""
    picture, task = scratch / "photo.jpg", PeerTask(model, options.threads)
    noise((640, 488), 1).save(picture, quality=90)
    contenders = {
        "llama-mtmd-cli": lambda: command(peers, [picture], task),
        "smol ask": lambda: smol("ask", [picture], task, "--detail", "high"),
        "smol ask --detail native": lambda: smol("ask", [picture], task, "--detail", "native"),
        "smol ask --detail low": lambda: smol("ask", [picture], task, "--detail", "low"),
    }
    compare(f"one picture, 640×488, 32 tokens, projector {options.mmproj}", contenders, options.rounds, options.found)


def tuned(peers: Peers, model: ModelPair, scratch: Path, options: argparse.Namespace) -> None:
    """One picture, before and after `smol tune speed`, which keeps what it found in folders of its own here."""
    picture, task = scratch / "photo.jpg", PeerTask(model, options.threads)
    noise((640, 488), 1).save(picture, quality=90)
    own = {name: str(scratch / name) for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME")}
    files = ["-m", str(model.language), "--mmproj", str(model.projector), "--threads", str(options.threads)]
    tune = [sys.executable, "-m", "smolcli", "tune", "speed", *files, "--rounds", "3", "--allow-changes", "-q"]
    subprocess.run(tune, check=True, env=os.environ | own)

    def as_tuned() -> Took:
        with patch.dict(os.environ, own):
            return smol("ask", [picture], task, "--detail", "high")

    contenders = {
        "llama-mtmd-cli": lambda: command(peers, [picture], task),
        "smol ask": lambda: smol("ask", [picture], task, "--detail", "high"),
        "smol ask, tuned": as_tuned,
    }
    compare(f"one picture, 640×488, 32 tokens, projector {options.mmproj}", contenders, options.rounds, options.found)


def blank(peers: Peers, model: ModelPair, scratch: Path, options: argparse.Namespace) -> None:
    """A page, 40 % of it blank."""
    picture, task = scratch / "page.png", PeerTask(model, options.threads)
    page().save(picture)
    contenders = {
        "llama-mtmd-cli": lambda: command(peers, [picture], task),
        "smol ask": lambda: smol("ask", [picture], task, "--detail", "high"),
    }
    compare("a page that is blank for 40 %, 32 tokens", contenders, options.rounds, options.found)


def cold(peers: Peers, model: ModelPair, scratch: Path, options: argparse.Namespace) -> None:
    """From the start to the first token."""
    task = PeerTask(builtin(), options.threads, max_tokens=1)
    for name in ("examples/signs/exit.png", "examples/sign.jpg"):
        picture = ROOT / name
        contenders = {
            "llama-mtmd-cli": lambda picture=picture: command(peers, [picture], task),
            "smol ask": lambda picture=picture: smol("ask", [picture], task),
            "smol ask --detail low": lambda picture=picture: smol("ask", [picture], task, "--detail", "low"),
        }
        compare(f"the built-in model to its first token, {name}", contenders, max(5, options.rounds), options.found)


def folder(peers: Peers, model: ModelPair, scratch: Path, options: argparse.Namespace) -> None:
    """Sixteen pictures, at equal tiles."""
    pictures = [scratch / f"{number:02}.jpg" for number in range(PICTURES)]
    for number, picture in enumerate(pictures):
        noise((1024, 512), number).save(picture, quality=90)
    plain = scratch / "mmproj-plain.gguf"
    plain.write_bytes(model.projector.read_bytes().replace(SIZE_KEY, NO_KEY, 1))
    peers_task = PeerTask(ModelPair(model.language, plain, "plain"), options.threads, max_tokens=40)
    task = PeerTask(model, options.threads, max_tokens=40)
    native = ("--detail", "native", "--parallel", str(AT_ONCE))
    contenders = {
        "llama-server": lambda: server(peers, pictures, peers_task),
        "llama-mtmd-cli, a loop": lambda: command(peers, pictures, peers_task),
        "smol caption, native": lambda: smol("caption", pictures, task, *native),
        "smol caption, low": lambda: smol("caption", pictures, task, "--detail", "low", "--parallel", str(AT_ONCE)),
    }
    compare(f"{PICTURES} pictures, 1024×512, 40 tokens, three tiles each", contenders, options.rounds, options.found)


PARTS = {"image": image, "tuned": tuned, "page": blank, "cold": cold, "folder": folder}
TITLES = {
    "image": "Beside llama.cpp's own tools: one picture, from the start of a process to its end",
    "tuned": "Beside llama.cpp's own tools: one picture, with what smol tune speed --allow-changes found",
    "page": "Beside llama.cpp's own tools: a page with blank parts",
    "cold": "Beside llama.cpp's own tools: the built-in model, from the start of a process to the first token",
    "folder": "Beside llama.cpp's own tools: sixteen pictures",
}

if __name__ == "__main__":
    main()
