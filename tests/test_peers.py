"""llama.cpp's own tools beside smol: found, run, and what they say read. LLAMA_TOOLS=FOLDER runs the real ones too.

The stand-ins say what the tools of the bundled llama.cpp said when they were run on this picture.
"""

import os
import stat
import sys
from pathlib import Path

import pytest

from smolcli.checks.peers import PeerTask, Watched, find_peers
from smolcli.errors import EngineError, UsageError
from smolcli.models import builtin

QUESTION = "What does it say?"
TOOLS = os.environ.get("LLAMA_TOOLS", "")
COMMAND = """
import os, sys
if "--perf" not in sys.argv or sys.argv[sys.argv.index("-n") + 1] != "7":
    sys.exit("error: invalid argument")
held = b"x" * 60_000_000
print("\\n Harbour Street\\nExit 24\\n\\n")
sys.stderr.write('''0.00.351.537 I encoding mtmd batch, n_chunks = 1 (done = 1, total = 11)
0.00.662.048 I mtmd batch encoding done in 311 ms
0.01.723.509 I mtmd batch encoding done in 961 ms
0.08.579.177 I llama_perf_context_print:        load time =      38.23 ms
0.08.579.201 I llama_perf_context_print: prompt eval time =    8169.84 ms /   369 tokens (   22.14 ms per token)
0.08.579.216 I llama_perf_context_print:        eval time =     256.95 ms /    23 runs   (   11.17 ms per token)
0.08.579.230 I llama_perf_context_print:       total time =    8508.23 ms /   392 tokens
''')
"""
SERVER = """
import json, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    asked = 0
    def do_GET(self):
        Handler.asked += 1
        self.reply(200 if Handler.asked > 2 else 503, {})
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        image, text = body["messages"][0]["content"]
        if not image["image_url"]["url"].startswith("data:image/jpeg;base64,/9j/"):
            return self.reply(400, {"error": {"message": "Failed to load image"}})
        timings = {"prompt_n": 369, "prompt_ms": 6137.2, "predicted_n": body["max_tokens"], "predicted_ms": 4062.7}
        answer = {"choices": [{"message": {"content": " Exit " + text["text"]}}], "timings": timings}
        self.reply(200, answer)
    def reply(self, status, body):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())
    def log_message(self, *words): pass
host, port = (sys.argv[sys.argv.index(name) + 1] for name in ("--host", "--port"))
ThreadingHTTPServer((host, int(port)), Handler).serve_forever()
"""
needs_scripts = pytest.mark.skipif(os.name == "nt", reason="a script is no program on Windows")


@pytest.fixture
def tools(tmp_path):
    """A folder with tools that do what is written: tools("llama-server", code)."""

    def make(name, code):
        folder = tmp_path / "build" / "bin"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"#!{sys.executable}\n{code}")
        (folder / name).chmod(stat.S_IRWXU)
        return tmp_path

    return make


@pytest.fixture
def task():
    return PeerTask(builtin(), threads=1, max_tokens=7)


@needs_scripts
def test_tools_are_found_in_a_build_beside_one_that_is_named_and_nowhere_else(tools, tmp_path):
    with pytest.raises(UsageError, match="holds neither") as refused:
        find_peers(tmp_path)
    assert "--target llama-mtmd-cli llama-server" in refused.value.hint
    root = tools("llama-server", SERVER)
    found = find_peers(root)
    assert found == find_peers(root / "build") == find_peers(root / "build" / "bin" / "llama-server")
    assert found.command is None and found.server.name == "llama-server"
    (root / "build" / "bin" / "llama-server").chmod(stat.S_IRUSR)  # no program
    with pytest.raises(UsageError):
        find_peers(root)


@needs_scripts
def test_what_the_command_says_is_read_and_its_encodes_are_no_prompt(tools, task, drawn):
    answer = find_peers(tools("llama-mtmd-cli", COMMAND)).ask(task, drawn / "exit.png", QUESTION)
    assert answer.text == "Harbour Street\nExit 24"
    assert (answer.encode_s, answer.decode_s) == (1.272, 0.25695) and answer.prefill_s == pytest.approx(6.89784)
    assert (answer.prompt_tokens, answer.new_tokens) == (369, 23) and answer.seconds > 0


@needs_scripts
@pytest.mark.parametrize(
    ("code", "message"),
    [("raise SystemExit('cannot load the model')", "cannot load the model"), ("print('Exit')", "no times")],
)
def test_a_command_that_fails_or_says_no_times_is_an_error(tools, task, drawn, code, message):
    with pytest.raises(EngineError, match=message):
        find_peers(tools("llama-mtmd-cli", code)).ask(task, drawn / "exit.png", QUESTION)


@needs_scripts
def test_a_tool_that_is_not_there_is_said(tools, task, drawn):
    peers = find_peers(tools("llama-mtmd-cli", COMMAND))
    with pytest.raises(UsageError, match="no llama-server"):
        peers.serve(task)


@needs_scripts
def test_a_server_answers_in_the_order_of_the_pictures_and_ends_with_its_block(tools, task, drawn, tmp_path):
    picture = Path(__file__).parent.parent / "examples" / "sign.jpg"
    with find_peers(tools("llama-server", SERVER)).serve(task, parallel=2) as server:
        answers = server.ask_all([picture] * 3, QUESTION)
        with pytest.raises(EngineError, match="Failed to load image"):
            server.ask(drawn / "exit.png", QUESTION)
    assert [answer.text for answer in answers] == [f"Exit {QUESTION}"] * 3
    assert (answers[0].prefill_s, answers[0].encode_s, answers[0].new_tokens) == (6.1372, None, 7)
    with pytest.raises(EngineError, match="is closed"):
        server.ask(picture, QUESTION)


@needs_scripts
def test_a_server_that_ends_before_it_is_ready_is_an_error_with_its_last_words(tools, task):
    with pytest.raises(EngineError, match=r"not become ready: out of memory"):
        find_peers(tools("llama-server", "raise SystemExit('out of memory')")).serve(task)


@pytest.mark.skipif(sys.platform != "linux", reason="the most memory of another process is read of /proc")
def test_memory_is_the_processs_own_and_not_what_started_it(tmp_path):
    held = b"x" * 300_000_000
    code = "import time; held = b'x' * 50_000_000; time.sleep(0.3)"
    with (tmp_path / "out").open("w+b") as out:
        watched = Watched([sys.executable, "-c", code], out, out)
        assert watched.wait(60) == 0
    assert 50_000_000 < watched.peak_bytes < 150_000_000 < len(held)


def test_a_process_that_never_ends_is_ended(tmp_path):
    with (tmp_path / "out").open("w+b") as out:
        watched = Watched([sys.executable, "-c", "import time; time.sleep(600)"], out, out)
        with pytest.raises(EngineError, match="not ended"):
            watched.wait(0.2)
        assert watched.status is not None


def test_a_program_that_cannot_be_started_is_an_error(tmp_path):
    with (tmp_path / "out").open("w+b") as out, pytest.raises(EngineError, match="cannot be started"):
        Watched([str(tmp_path / "nothing")], out, out)


@pytest.mark.skipif(not TOOLS, reason="LLAMA_TOOLS names no folder with llama.cpp's tools")
def test_the_real_tools_read_the_built_in_models_sign(task):
    picture = Path(__file__).parent.parent / "examples" / "sign.jpg"
    peers = find_peers(Path(TOOLS))
    alone = peers.ask(task, picture, QUESTION)
    with peers.serve(task) as server:
        served = server.ask(picture, QUESTION)
    assert alone.text == served.text != "" and alone.peak_bytes > 0 and server.load_s > 0
    assert alone.prompt_tokens == served.prompt_tokens
