"""Ways to damage a GGUF file, each decided by a seed; and a child process that reads what comes out.

python tests/gguf_damage.py [--seconds 30] [--seed 1]    # fuzz by hand, with a new seed each time
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9
NUMBERS = (0, 1, 2, 3, 7, 8, 255, 256, 65535, 1 << 16, 1 << 24, 1 << 31, (1 << 32) - 1, 1 << 40, 1 << 63, (1 << 64) - 1)


class Parts:
    """A sound GGUF file taken apart: keys [(name, type, raw value)], tensors [[name, dims, type, offset]], data."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 4
        self.version, n_tensors, n_keys = self._unpack("IQQ")
        self.keys = [self._key() for _ in range(n_keys)]
        self.tensors = [self._tensor() for _ in range(n_tensors)]
        self.header_end = self._at
        self.body = data[-(-self._at // 32) * 32 :]

    def _unpack(self, layout: str) -> tuple:
        found = struct.unpack_from("<" + layout, self._data, self._at)
        self._at += struct.calcsize("<" + layout)
        return found

    def _text(self) -> bytes:
        (length,) = self._unpack("Q")
        self._at += length
        return self._data[self._at - length : self._at]

    def _key(self) -> tuple[bytes, int, bytes]:
        name, (kind,) = self._text(), self._unpack("I")
        start = self._at
        self._skip(kind)
        return name, kind, self._data[start : self._at]

    def _skip(self, kind: int) -> None:
        if kind == STRING:
            self._text()
        elif kind == ARRAY:
            items, count = self._unpack("IQ")
            for _ in range(count):
                self._skip(items)
        else:
            self._unpack(SCALARS[kind])

    def _tensor(self) -> list:
        name, (n_dims,) = self._text(), self._unpack("I")
        return [name, list(self._unpack(f"{n_dims}Q")), *self._unpack("IQ")]

    def bytes(self) -> bytes:
        """Put together again."""
        parts = [b"GGUF", struct.pack("<IQQ", self.version, len(self.tensors), len(self.keys))]
        parts += [text(name) + struct.pack("<I", kind) + raw for name, kind, raw in self.keys]
        for name, dims, kind, offset in self.tensors:
            parts.append(text(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, offset))
        header = b"".join(parts)
        return header + bytes(-len(header) % 32) + self.body


def retyped(data: bytes, kind_of: Callable[[str, list[int]], int]) -> bytes:
    """A sound F32 file with tensors of other types: kind_of(name, dims) is 0 (F32), 1 (F16) or 30 (BF16)."""
    parts, body = Parts(data), b""
    for tensor in parts.tensors:
        values = np.frombuffer(parts.body, np.float32, math.prod(tensor[1]), tensor[3])
        tensor[2] = kind = kind_of(tensor[0].decode(), tensor[1])
        stored = {0: values, 1: values.astype(np.float16), 30: (values.view(np.uint32) >> 16).astype(np.uint16)}[kind]
        body += bytes(-len(body) % 32)
        tensor[3] = len(body)
        body += stored.tobytes()
    parts.body = body
    return parts.bytes()


def text(value: bytes) -> bytes:
    return struct.pack("<Q", len(value)) + value


def flip_header_bytes(data: bytes, rng: random.Random) -> bytes:
    damaged, end = bytearray(data), Parts(data).header_end
    for _ in range(rng.choice((1, 1, 2, 8))):
        damaged[rng.randrange(end)] = rng.randrange(256)
    return bytes(damaged)


def write_a_number_somewhere(data: bytes, rng: random.Random) -> bytes:
    damaged, end = bytearray(data), Parts(data).header_end
    layout = rng.choice("IQ")
    at = rng.randrange(end - 8)
    struct.pack_into("<" + layout, damaged, at, rng.choice(NUMBERS) % (1 << 8 * struct.calcsize(layout)))
    return bytes(damaged)


def cut_off(data: bytes, rng: random.Random) -> bytes:
    end = Parts(data).header_end
    return data[: rng.choice((rng.randrange(end), rng.randrange(len(data)), len(data) - 1))]


def change_a_value(data: bytes, rng: random.Random) -> bytes:
    parts = Parts(data)
    index = rng.randrange(len(parts.keys))
    name, kind, raw = parts.keys[index]
    if kind == STRING:
        raw = text(
            rng.choice((b"", b"x", b"\xff\xfe", b"idefics3", b"clip", b"a" * 5000, raw[8:] + b"\0", b"{{ 1 / 0 }}"))
        )
    elif kind == ARRAY:
        items, count = struct.unpack_from("<IQ", raw)
        raw = (
            struct.pack("<IQ", rng.choice((items, 4, 5, 6, 8)), rng.choice((0, 1, count, count - 1, *NUMBERS)))
            + raw[12:]
        )
    elif kind in (6, 12):
        raw = struct.pack("<" + SCALARS[kind], rng.choice((0.0, -1.0, 1e-38, 1e38, float("nan"), float("inf"))))
    else:
        size = struct.calcsize(SCALARS[kind])
        raw = (rng.choice((*NUMBERS, *range(12))) % (1 << 8 * size)).to_bytes(size, "little")
    parts.keys[index] = name, kind, raw
    return parts.bytes()


def change_a_type(data: bytes, rng: random.Random) -> bytes:
    parts = Parts(data)
    index = rng.randrange(len(parts.keys))
    kind = rng.choice(list(SCALARS))
    number = rng.choice((0, 1, 4, 64))
    parts.keys[index] = parts.keys[index][0], kind, struct.pack("<" + SCALARS[kind], number)
    return parts.bytes()


def drop_double_or_rename_a_key(data: bytes, rng: random.Random) -> bytes:
    parts = Parts(data)
    index = rng.randrange(len(parts.keys))
    name, kind, raw = parts.keys[index]
    parts.keys[index : index + 1] = rng.choice(
        ([], [(name, kind, raw)] * 2, [(name + b"x", kind, raw)], [(rng.choice(parts.keys)[0], kind, raw)])
    )
    return parts.bytes()


def change_a_tensor(data: bytes, rng: random.Random) -> bytes:
    parts = Parts(data)
    tensor = rng.choice(parts.tensors)
    field = rng.randrange(4)
    if field == 0:
        tensor[0] = rng.choice(
            (tensor[0] + b".x", b"", b"a" * 70, rng.choice(parts.tensors)[0], b"v.class_embd", b"v.blk.0.ls1.weight")
        )
    elif field == 1:
        dims = tensor[1]
        changes = (
            dims[::-1],
            [*dims, 1],
            dims[:-1],
            [dims[0] * 2, *dims[1:]],
            [rng.choice(NUMBERS), *dims[1:]],
            [1] * 5,
        )
        tensor[1] = rng.choice(changes)
    elif field == 2:
        tensor[2] = rng.choice((*range(45), *NUMBERS[-8:-3])) & 0xFFFFFFFF
    else:
        tensor[3] = rng.choice((*NUMBERS, tensor[3] + 1, tensor[3] + 32, max(tensor[3] - 32, 0)))
    return parts.bytes()


def drop_double_or_add_a_tensor(data: bytes, rng: random.Random) -> bytes:
    parts = Parts(data)
    index = rng.randrange(len(parts.tensors))
    tensor = parts.tensors[index]
    parts.tensors[index : index + 1] = rng.choice(([], [tensor] * 2, [tensor, [b"blk.0.extra.weight", *tensor[1:]]]))
    return parts.bytes()


def not_numbers(data: bytes, rng: random.Random) -> bytes:
    end = Parts(data).header_end + 32
    value = rng.choice((float("nan"), float("inf"), -float("inf"), 3e38))
    body = struct.pack("<f", value) * ((len(data) - end) // 4)
    return data[:end] + body + data[end + len(body) :]


DAMAGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    flip_header_bytes,
    write_a_number_somewhere,
    cut_off,
    change_a_value,
    change_a_value,
    change_a_type,
    drop_double_or_rename_a_key,
    change_a_tensor,
    change_a_tensor,
    drop_double_or_add_a_tensor,
    not_numbers,
)


def damaged(sound: tuple[bytes, bytes], seed: int) -> tuple[tuple[bytes, bytes], str]:
    """(language, projector) with one of them damaged, and what was done."""
    rng = random.Random(seed)
    which, damage = rng.randrange(2), rng.choice(DAMAGES)
    changed = damage(sound[which], rng)
    return ((changed, sound[1]) if which == 0 else (sound[0], changed)), f"{damage.__name__} {('lm', 'mmproj')[which]}"


READER = """
import contextlib, json, resource, sys
from pathlib import Path
import numpy as np
from smolcli.datatypes import ImagePart, ModelPair, Sampling, TextPart, TilePlan, Turn
from smolcli.generation import Refused, Request
from smolcli.engine import EngineOptions, load_engine
from smolcli.errors import SmolError
from smolcli.tiles import pack
with contextlib.suppress(ValueError, OSError):  # not every system has this limit
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))

def read(pair):
    with load_engine(pair, EngineOptions(threads=1)) as engine:
        tile, count = engine.facts.tile_px, engine.facts.tokens_per_tile
        plan = TilePlan((tile, tile), (tile, tile), (tile, tile), 0, 0, tile, count)
        picture = ImagePart(plan, pack(np.zeros((1, tile, tile, 3), np.uint8), plan))
        turn = Turn("user", (picture, TextPart("What is this?")))
        events = list(engine.run([Request(0, (turn,), Sampling(max_tokens=2))]))
        if isinstance(events[-1], Refused):
            raise events[-1].error
        answer = events[-1]
        return "answered " + repr(answer.mean_logprob)

for line in sys.stdin:
    try:
        result = read(ModelPair(*map(Path, json.loads(line)), "damaged"))
    except SmolError as error:
        result = f"{type(error).__name__}: {error}"
    print(json.dumps(result), flush=True)
"""


class Child:
    """A process that reads pairs; a new one takes over when it dies or hangs."""

    def __init__(self) -> None:
        self._process: subprocess.Popen | None = None

    def read(self, pair: tuple[Path, Path], timeout_s: float = 60) -> str:
        """What came of a pair: "answered …", an error's name and sentence, or "DIED …" with the last words."""
        if self._process is None:
            command = [sys.executable, "-c", READER]
            quiet = {**os.environ, "GGML_NO_BACKTRACE": "1"}
            pipes = {"env": quiet, "stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
            self._process = subprocess.Popen(command, text=True, cwd=Path(__file__).parent.parent, **pipes)
        process = self._process
        try:
            process.stdin.write(json.dumps([str(path) for path in pair]) + "\n")
            process.stdin.flush()
            line = _line(process, timeout_s)
        except (BrokenPipeError, TimeoutError) as error:
            line = ""
            hung = isinstance(error, TimeoutError)
        else:
            hung = False
        if line:
            return str(json.loads(line))
        process.kill()
        _, words = process.communicate()
        self._process = None
        return f"DIED ({'hung' if hung else process.returncode}): {words[-3000:]}"

    def close(self) -> None:
        if self._process is not None:
            self._process.communicate()
            self._process = None


def _line(process: subprocess.Popen, timeout_s: float) -> str:
    import select

    ready, _, _ = select.select([process.stdout], [], [], timeout_s)
    if not ready:
        raise TimeoutError
    return process.stdout.readline()


def fuzz(sound: tuple[Path, Path], seeds: Iterator[int], scratch: Path) -> Iterator[tuple[int, str, str]]:
    """(seed, what was damaged, what came of it) for each seed."""
    contents = (sound[0].read_bytes(), sound[1].read_bytes())
    files = (scratch / "model.gguf", scratch / "mmproj.gguf")
    child = Child()
    for seed in seeds:
        pair, what = damaged(contents, seed)
        for file, data in zip(files, pair, strict=True):
            file.write_bytes(data)
        yield seed, what, child.read(files)
    child.close()


def main() -> None:
    import itertools
    import tempfile
    from collections import Counter

    from models import nano_pair

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    arguments = parser.parse_args()
    pair, seen, end = nano_pair(), Counter(), time.monotonic() + arguments.seconds
    with tempfile.TemporaryDirectory() as scratch:
        found = fuzz((pair.language, pair.projector), itertools.count(arguments.seed), Path(scratch))
        for seed, what, result in found:
            seen[result.split()[0]] += 1
            if not result.startswith(("answered", "ModelError")):
                print(f"--- seed {seed}: {what}\n{result}", flush=True)
            if time.monotonic() > end:
                break
    print(dict(seen))


if __name__ == "__main__":
    main()
