"""llama.cpp's own tools on the inputs that smol reads: a model pair, pictures and a question in, what it took out.

peers = find_peers(Path("llama.cpp/build/bin"))
peers.ask(PeerTask(pair, threads=2), Path("photo.jpg"), "What is this?")    # llama-mtmd-cli, from start to end
with peers.serve(PeerTask(pair, threads=2), parallel=4) as server:           # llama-server, loaded already
    server.ask_all(pictures, "What is this?")
"""

from __future__ import annotations

import base64
import json
import mimetypes
import os
import re
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from smolcli.datatypes import ModelPair
from smolcli.errors import EngineError, UsageError

COMMAND, SERVER = "llama-mtmd-cli", "llama-server"
MOST_START_S, MOST_ANSWER_S = 120.0, 3600.0
_POLL_S = 0.01
_ENCODED = re.compile(r"encoding done in (\d+) ms")
_PREFILL = re.compile(r"prompt eval time = *([\d.]+) ms / *(\d+) tokens")
_DECODE = re.compile(r"(?<!prompt) eval time = *([\d.]+) ms / *(\d+) runs")


@dataclass(frozen=True, slots=True)
class PeerTask:
    """What a tool is started with. context: of one conversation, in tokens; decoding is greedy.

    options: more of the tool's own, such as ("--image-max-tokens", "64").
    """

    pair: ModelPair
    threads: int
    max_tokens: int = 32
    context: int = 8192
    options: tuple[str, ...] = ()

    def words(self, parallel: int = 1) -> list[str]:
        """The part of a command line that both tools take."""
        files = ["-m", str(self.pair.language), "--mmproj", str(self.pair.projector)]
        limits = ["-t", str(self.threads), "-c", str(self.context * parallel), "--temp", "0", *self.options]
        return [*files, *limits]


@dataclass(frozen=True, slots=True)
class PeerAnswer:
    """An answer and what it took: seconds by the clock; of them, as the tool says, for encoding, prompt and answer.

    encode_s is None where the tool counts it as the prompt's (llama-server). peak_bytes: of memory, 0 where that is
    not known.
    """

    text: str
    seconds: float
    encode_s: float | None
    prefill_s: float
    decode_s: float
    prompt_tokens: int
    new_tokens: int
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class Peers:
    """The tools that a folder holds; None for one that it does not."""

    command: Path | None
    server: Path | None

    def ask(self, task: PeerTask, picture: Path, question: str) -> PeerAnswer:
        """Run llama-mtmd-cli once, model and picture cold. Raises UsageError (not there), EngineError (failed)."""
        tool = _present(self.command, COMMAND)
        words = ["--image", str(picture), "-p", question, "-n", str(task.max_tokens), "--perf", "-lv", "4"]
        with tempfile.TemporaryFile("a+b") as out, tempfile.TemporaryFile("a+b") as log:
            start = time.perf_counter()
            watched = Watched([str(tool), *task.words(), *words], out, log)
            code = watched.wait(MOST_ANSWER_S)
            seconds = time.perf_counter() - start
            text, said = _text(out), _text(log)
        if code:
            raise EngineError(f"{tool} failed (status {code}): {said[-300:].strip()}")
        return _command_answer(text, said, seconds, watched.peak_bytes)

    def serve(self, task: PeerTask, parallel: int = 1) -> PeerServer:
        """Start llama-server and wait until the model is loaded. Raises UsageError (not there), EngineError."""
        return PeerServer(_present(self.server, SERVER), task, parallel)


def find_peers(path: Path) -> Peers:
    """The tools in a folder, in bin/ or build/bin/ below it, or beside one that is named. Raises UsageError."""
    places = [path.parent] if path.is_file() else [path, path / "bin", path / "build" / "bin"]
    found = Peers(_tool(places, COMMAND), _tool(places, SERVER))
    if found.command is None and found.server is None:
        raise UsageError(
            f"{path} holds neither {COMMAND} nor {SERVER}.",
            f"Build them of llama.cpp: cmake -B build && cmake --build build --target {COMMAND} {SERVER}",
        )
    return found


def _tool(places: Sequence[Path], name: str) -> Path | None:
    files = (place / f"{name}{ending}" for place in places for ending in ("", ".exe"))
    return next((file.absolute() for file in files if file.is_file() and os.access(file, os.X_OK)), None)


def _present(tool: Path | None, name: str) -> Path:
    if tool is None:
        raise UsageError(f"There is no {name} there.", "Build it of llama.cpp, beside the other tool.")
    return tool


class Watched:
    """A process whose most memory is known: its own (VmHWM), not what it inherited from who started it."""

    def __init__(self, command: Sequence[str], out: IO[bytes], log: IO[bytes]) -> None:
        self.peak_bytes, self._name = 0, command[0]
        try:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=log)
        except OSError as error:
            raise EngineError(f"{command[0]} cannot be started: {error}.") from error
        self._status, self._ended = Path(f"/proc/{self._process.pid}/status"), threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()

    def _look(self) -> None:
        """Until it has ended, as nothing is left to be read then."""
        while self._process.poll() is None and not self._ended.is_set():
            with suppress(OSError):  # another system, or it has just ended
                found = re.search(r"VmHWM:\s+(\d+) kB", self._status.read_text(encoding="utf-8"))
                self.peak_bytes = max(self.peak_bytes, int(found[1]) * 1024 if found else 0)
            self._ended.wait(_POLL_S)

    def wait(self, most_s: float) -> int:
        """Its exit status. Raises EngineError when it takes longer; it is ended whatever happens."""
        late = threading.Timer(most_s, self._process.kill)  # a wait with a time limit looks every 50 ms only
        late.start()
        try:
            status = self._process.wait()
        finally:
            in_time = late.is_alive()
            late.cancel()
            self.end()
        if not in_time:
            raise EngineError(f"{self._name} has not ended in {most_s:g} s.")
        return status

    @property
    def status(self) -> int | None:
        """Its exit status; None while it runs."""
        return self._process.poll()

    def end(self) -> None:
        """End it; nothing happens where it has ended."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._ended.set()
        self._watch.join()


class PeerServer:
    """A llama-server of one's own, on a free port of this machine alone. load_s: until it was ready."""

    def __init__(self, tool: Path, task: PeerTask, parallel: int) -> None:
        self._task, self._parallel = task, parallel
        self._log = tempfile.TemporaryFile("a+b")  # noqa: SIM115  close() closes it
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._url = f"http://127.0.0.1:{port}"
        here = ["--host", "127.0.0.1", "--port", str(port), "-np", str(parallel), "--offline"]
        start = time.perf_counter()
        self._watched = Watched([str(tool), *task.words(parallel), *here], self._log, self._log)
        try:
            self._await_ready(start + MOST_START_S)
        except BaseException:
            self.close()
            raise
        self.load_s = time.perf_counter() - start

    def _await_ready(self, until: float) -> None:
        while self._watched.status is None and time.perf_counter() < until:
            with suppress(OSError), urllib.request.urlopen(f"{self._url}/health", timeout=5):
                return
            time.sleep(_POLL_S)
        raise EngineError(f"{SERVER} did not become ready: {_text(self._log)[-300:].strip()}")

    def ask(self, picture: Path, question: str) -> PeerAnswer:
        """One answer about a picture. Raises EngineError."""
        kind = mimetypes.guess_type(picture.name)[0] or "image/png"
        url = f"data:{kind};base64,{base64.b64encode(picture.read_bytes()).decode()}"
        content = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": question}]
        asked = {"messages": [{"role": "user", "content": content}], "max_tokens": self._task.max_tokens}
        start = time.perf_counter()
        answer = self._post({**asked, "temperature": 0})
        return _server_answer(answer, time.perf_counter() - start, self.peak_bytes)

    def ask_all(self, pictures: Sequence[Path], question: str) -> list[PeerAnswer]:
        """An answer about each, as many at a time as the server was started for. Raises EngineError."""
        with ThreadPoolExecutor(self._parallel) as pool:
            return list(pool.map(lambda picture: self.ask(picture, question), pictures))

    def _post(self, body: dict[str, Any]) -> Any:
        if self._log.closed:
            raise EngineError("The server is closed.", "Start another one.")
        data, kind = json.dumps(body).encode(), {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self._url}/v1/chat/completions", data, kind)
        try:
            with urllib.request.urlopen(request, timeout=MOST_ANSWER_S) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise EngineError(f"{SERVER} refused a request: {error.read()[:300].decode(errors='replace')}") from error
        except (OSError, ValueError) as error:
            raise EngineError(f"{SERVER} gave no answer ({error}): {_text(self._log)[-300:].strip()}") from error

    @property
    def peak_bytes(self) -> int:
        """The most memory it has had so far; 0 where that is not known."""
        return self._watched.peak_bytes

    def close(self) -> None:
        """End it; safe to call twice."""
        self._watched.end()
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _command_answer(text: str, said: str, seconds: float, peak_bytes: int) -> PeerAnswer:
    """What llama-mtmd-cli wrote on standard output and error, read. Its prompt time holds the encodes."""
    prefill, decode = _PREFILL.search(said), _DECODE.search(said)
    if prefill is None or decode is None:
        raise EngineError(f"{COMMAND} said no times that can be read.", "It has to know --perf and -lv.")
    encode_s = sum(int(each) for each in _ENCODED.findall(said)) / 1000
    prefill_s = max(0.0, float(prefill[1]) / 1000 - encode_s)
    times = (encode_s, prefill_s, float(decode[1]) / 1000)
    return PeerAnswer(text.strip(), seconds, *times, int(prefill[2]), int(decode[2]), peak_bytes)


def _server_answer(answer: Any, seconds: float, peak_bytes: int) -> PeerAnswer:
    try:
        text, times = answer["choices"][0]["message"]["content"], answer["timings"]
        spent = (float(times["prompt_ms"]) / 1000, float(times["predicted_ms"]) / 1000)
        counts = (int(times["prompt_n"]), int(times["predicted_n"]))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise EngineError(f"{SERVER} answered in an unknown form: {str(answer)[:300]}") from error
    return PeerAnswer(str(text).strip(), seconds, None, *spent, *counts, peak_bytes)


def _text(file: IO[bytes]) -> str:
    """All of a log; the process that writes it has opened it for appending, so that it goes on at the end."""
    file.seek(0)
    return file.read().decode("utf-8", "replace")
