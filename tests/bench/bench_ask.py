"""Time `smol ask` against the binding's own chat handler: one 640×488 picture, 32 new tokens, a full-size random 256M.

    python tests/bench/bench_ask.py [--checkpoint DIR] [--rounds 5] [--mmproj f16] [--record docs/benchmarks]

Both run as processes of their own, in turns; the least wall time and the peak memory of each are shown, and their
ratios. The handler answers without position tokens in the reference's order and with the encoder's default attention.
"""

from __future__ import annotations

import argparse
import base64
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import records
from PIL import Image

from smolcli.datatypes import ModelPair

QUESTION, NEW_TOKENS = "What is this?", 32
HERE = Path(__file__).resolve().parent

PEER_NAME = "binding's handler"
PEER = """
import sys
from llama_cpp import Llama
from llama_cpp.llama_chat_format import MTMDChatHandler
model, mmproj, url, question, tokens = sys.argv[1:]
llm = Llama(model, n_ctx=8192, verbose=False, chat_handler=MTMDChatHandler(mmproj, verbose=False))
image = {"type": "image_url", "image_url": {"url": open(url).read()}}
content = [image, {"type": "text", "text": question}]
llm.create_chat_completion([{"role": "user", "content": content}], max_tokens=int(tokens), temperature=0.0)
"""


def pair(checkpoint: Path, mmproj: str) -> tuple[Path, Path]:
    """The Q8_0 language model and a projector, made once beside the checkpoint."""
    out = checkpoint / "gguf"
    files = out / "full-q8_0.gguf", out / f"mmproj-full-{mmproj}.gguf"
    if not all(path.exists() for path in files):
        command = [sys.executable, "-m", "gguf_convert", str(checkpoint), "-o", str(out), "--name", "full"]
        subprocess.run([*command, "--lm", "q8_0", "--mmproj", mmproj, "--no-verify", "--force"], check=True)
    return files


def full_size(checkpoint: Path | None, mmproj: str = "f16") -> ModelPair:
    """A full-size 256M of random weights, made where it is not there; None: in build/bench, for the next time too."""
    checkpoint = checkpoint or HERE.parents[1] / "build" / "bench" / "256m"
    if not (checkpoint / "config.json").exists():
        subprocess.run([sys.executable, str(HERE / "make_checkpoint.py"), str(checkpoint)], check=True)
    return ModelPair(*pair(checkpoint, mmproj), "full")


def measure(command: list[str]) -> tuple[float, float, str]:
    """(wall seconds, peak memory in MB, stderr) of one process."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command[:4]} failed: {said[-500:]}")
    return time.perf_counter() - start, usage.ru_maxrss / 1e3, said


def main() -> None:
    """Run both in turns and print what they took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, help="folder made by make_checkpoint.py (made if absent)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mmproj", default="f16")
    records.add_option(parser)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        both = full_size(options.checkpoint, options.mmproj)
        model, mmproj = both.language, both.projector
        picture, url = Path(scratch, "photo.jpg"), Path(scratch, "photo.url")
        noise = np.random.default_rng(1).integers(0, 256, (61, 80, 3), dtype=np.uint8)
        Image.fromarray(np.kron(noise, np.ones((8, 8, 1), np.uint8))).save(picture, quality=90)
        url.write_text("data:image/jpeg;base64," + base64.b64encode(picture.read_bytes()).decode())
        files = ["-m", str(model), "--mmproj", str(mmproj)]
        limit = ["--max-tokens", str(NEW_TOKENS), "--stats", "-q"]
        ask = [sys.executable, "-m", "smolcli", "ask", str(picture), QUESTION, *files, *limit]
        os.environ["SMOL_CACHE_DIR"] = str(Path(scratch, "cache"))
        measure(ask)  # what the next two contenders find
        another = ask.index(QUESTION)
        contenders = {
            "smol ask": [*ask, "--no-store"],
            "smol ask --detail native": [*ask, "--no-store", "--detail", "native"],
            "smol ask, another question": ask,
            "smol ask, the same again": ask,
            PEER_NAME: [*[sys.executable, "-c", PEER, str(model), str(mmproj), str(url), QUESTION, str(NEW_TOKENS)]],
        }
        results: dict[str, list[tuple[float, float, str]]] = {name: [] for name in contenders}
        for number in range(options.rounds):
            for name, command in contenders.items():
                new = [*command[:another], f"Is it number {number}?", *command[another + 1 :]]
                results[name].append(measure(new if "another" in name else command))
        peer_s = min(wall for wall, _, _ in results[PEER_NAME])
        peer_mb = max(peak for _, peak, _ in results[PEER_NAME])
        for name, runs in results.items():
            wall, peak = min(run[0] for run in runs), max(run[1] for run in runs)
            print(f"{name:26s} {wall:7.2f} s ({peer_s / wall:4.2f} × the peer's speed)  peak {peak:5.0f} MB ", end="")
            print(f"({peak / peer_mb:4.2f} × its memory)")
            print("".join(f"    {line}\n" for line in min(runs)[2].splitlines() if "stats" in line), end="")
        if options.record is not None:
            record(both, results).write(options.record)


def record(model: ModelPair, results: Mapping[str, Sequence[tuple[float, float, str]]]) -> records.Found:
    """Seconds, memory, and how many times as fast as the binding's handler each round was."""
    title = "smol ask, and the binding's own chat handler: one picture from the start of a process to its end"
    found = records.Found("ask", title, model, ("640×488 picture, 17 tiles", f"{NEW_TOKENS} new tokens"))
    peer = results[PEER_NAME]
    for name, runs in results.items():
        tool = "the binding's handler" if runs is peer else ""
        what = "one picture" if runs is peer else name
        found.add(what, "s", [wall for wall, _, _ in runs], tool=tool)
        found.add(f"{what}, peak memory", "MB", [peak for _, peak, _ in runs], tool=tool)
        if runs is not peer:
            found.ratio(
                name, "the binding's handler", records.paired([run[0] for run in peer], [run[0] for run in runs])
            )
    return found


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
