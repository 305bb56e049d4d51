"""One picture and a question from the start of a process to its end, as they are typed: what that took, out."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from smolcli.checks.peers import Watched
from smolcli.datatypes import ModelPair
from smolcli.engine import EngineOptions
from smolcli.errors import EngineError

MOST_S = 3600.0


@dataclass(frozen=True, slots=True)
class ColdAnswer:
    """Seconds by the clock; of them for encoding, prompt and answer; peak_bytes: of memory, 0 where not known."""

    seconds: float
    encode_s: float
    prefill_s: float
    decode_s: float
    prompt_tokens: int
    new_tokens: int
    peak_bytes: int


def ask_cold(pair: ModelPair, options: EngineOptions, picture: Path, question: str, tokens: int) -> ColdAnswer:
    """Run `smol ask` once, with everything to be computed. Raises EngineError."""
    command = [sys.executable, "-m", "smolcli", "ask", str(picture), question, "--detail", "auto", "--no-store", "-q"]
    command += ["--json", "--max-tokens", str(tokens), *_model_words(pair, options)]
    with tempfile.TemporaryFile("a+b") as out, tempfile.TemporaryFile("a+b") as log:
        start = time.perf_counter()
        watched = Watched(command, out, log)
        code = watched.wait(MOST_S)
        seconds = time.perf_counter() - start
        out.seek(0)
        log.seek(0)
        if code:
            raise EngineError(f"smol ask ended with {code}: {log.read().decode('utf-8', 'replace')[-300:].strip()}")
        answer = json.loads(out.read())
    counts, spent = answer["counts"], answer["seconds"]
    times = (spent["encode"], spent["prefill"], spent["decode"])
    return ColdAnswer(seconds, *times, counts["prompt_tokens"], counts["new_tokens"], watched.peak_bytes)


def _model_words(pair: ModelPair, options: EngineOptions) -> list[str]:
    """The part of the command line that says which model, and how it is run."""
    words = ["-m", str(pair.language), "--mmproj", str(pair.projector), "--device", options.device, "--parallel", "1"]
    for flag, value in (
        ("--threads", options.threads),
        ("--gpu-layers", options.gpu_layers),
        ("--context", options.context),
        ("--towers", options.towers),
        ("--batch-rows", options.batch_rows),
        ("--kv-type", options.kv_type),
    ):
        words += [flag, str(value)] if value is not None else []
    return words
