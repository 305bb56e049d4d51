"""Native handles: closed once and for all, threads that end, forks, silence, and one run at a time."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from drawing import synth
from models import nano_pair
from scores import differ_by_close_calls_at_most

from smolcli.datatypes import ImagePart, ModelPair, Sampling, TextPart, TilePlan, Turn
from smolcli.engine import EngineOptions, load_engine, load_planner
from smolcli.errors import EngineError, ModelError, UsageError
from smolcli.generation import Generation, Piece, Refused, Request
from smolcli.models import builtin
from smolcli.tiles import pack

ROOT = Path(__file__).parent.parent


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "llama" and thread.is_alive()]


def request(facts, key=0, question="What is this?", seed=1, most=8):
    tile, count = facts.tile_px, facts.tokens_per_tile
    plan = TilePlan((tile, tile), (tile, tile), (tile, tile), 0, 0, tile, count)
    picture = ImagePart(plan, pack(synth(tile, tile, seed)[None], plan))
    return Request(key, (Turn("user", (picture, TextPart(question))),), Sampling(max_tokens=most))


def text(engine, **changes):
    [answer] = [e for e in engine.run([request(engine.facts, **changes)]) if isinstance(e, Generation)]
    return answer.text


def test_after_close_everything_is_an_error_and_closing_again_is_fine():
    engine = load_engine(builtin(), EngineOptions())
    asked = request(engine.facts)
    text(engine)
    engine.close()
    engine.close()
    for use in (
        lambda: list(engine.run([asked])),
        lambda: engine.tokens(asked.turns),
        lambda: engine.image_tokens(asked.turns[0].parts[0].plan),
        lambda: engine.embed(np.zeros((engine.facts.tile_px, engine.facts.tile_px, 3), np.uint8)),
    ):
        with pytest.raises(EngineError, match="closed"):
            use()
    assert threads() == []


def test_a_planner_closes_as_an_engine_does():
    planner = load_planner(builtin(), EngineOptions())
    planner.close()
    planner.close()
    with pytest.raises(EngineError, match="closed"):
        planner.tokens([Turn("user", (TextPart("a"),))])
    assert threads() == []


def test_closing_in_the_middle_of_an_answer_ends_the_run():
    engine = load_engine(builtin(), EngineOptions(parallel=2))
    stream = engine.run([request(engine.facts, key) for key in range(3)])
    next(stream)
    engine.close()
    assert next(stream, None) is None
    stream.close()
    assert threads() == []


def test_a_run_that_was_left_does_not_disturb_the_next():
    with load_engine(builtin(), EngineOptions(parallel=2)) as engine:
        asked = request(engine.facts, question="Read the text.")
        alone = list(engine.run([asked]))[-1]
        left = engine.run([request(engine.facts, key, question=f"{key}", seed=key) for key in range(3)])
        next(left)
        again = engine.run([asked])
        first = next(again)
        assert next(left, None) is None
        left.close()
        events = [first, *again]
        assert "".join(event.text for event in events if isinstance(event, Piece)) == events[-1].text
        assert differ_by_close_calls_at_most(engine, asked.turns, events[-1].ids, alone.ids)


def test_a_request_iterable_that_fails_leaves_a_usable_engine():
    def requests():
        yield request(engine.facts)
        raise RuntimeError("the disk is gone")

    with load_engine(builtin(), EngineOptions()) as engine:
        before = text(engine)
        with pytest.raises(RuntimeError, match="disk"):
            list(engine.run(requests()))
        assert text(engine) == before


@pytest.mark.parametrize("load", [load_engine, load_planner])
def test_a_load_that_fails_leaves_no_thread(tmp_path, load):
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF")
    with pytest.raises(ModelError):
        load(replace(builtin(), language=broken), EngineOptions())
    with pytest.raises(UsageError, match="Known: auto, cpu, cuda"):
        load(builtin(), EngineOptions(device="abacus"))
    with pytest.raises(UsageError, match="--context"):
        load(builtin(), EngineOptions(context=10_000_000))
    assert threads() == []


def test_two_engines_live_side_by_side_and_one_after_the_other():
    with load_engine(builtin(), EngineOptions()) as first, load_engine(nano_pair(), EngineOptions()) as second:
        texts = text(first), text(second)
    with load_engine(builtin(), EngineOptions()) as again:
        assert text(again) == texts[0]


def test_an_answer_made_without_its_picture_cannot_be():
    with load_engine(builtin(), EngineOptions()) as engine:
        asked = request(engine.facts)
        planned = replace(asked.turns[0].parts[0], tiles=None)
        with pytest.raises(EngineError, match="not cut"):
            engine.add(replace(asked, turns=(Turn("user", (planned, TextPart("What?"))),)))
        assert not engine.busy


def test_a_request_that_cannot_be_answered_is_refused_and_the_others_are_answered():
    with load_engine(builtin(), EngineOptions(parallel=2)) as engine:
        good = [request(engine.facts, key) for key in range(3)]
        planned = replace(good[1].turns[0].parts[0], tiles=None)
        asked = [good[0], replace(good[1], turns=(Turn("user", (planned, TextPart("What?"))),)), good[2]]
        events = list(engine.run(asked))
        assert [event.key for event in events if isinstance(event, Refused)] == [1]
        assert sorted(event.key for event in events if isinstance(event, Generation)) == [0, 2]


@pytest.mark.parametrize("shape", [(10, 10, 3), (512, 300, 3), (1, 1, 3)])
def test_only_whole_tiles_are_encoded(shape):
    with load_engine(builtin(), EngineOptions()) as engine, pytest.raises(EngineError, match="px squares"):
        engine.embed(np.zeros(shape, np.uint8))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_model_may_lie_under_any_name(tmp_path):
    folder = tmp_path / "mod\u00e8le \u732b \udcff"
    folder.mkdir()
    pair = nano_pair()
    files = [shutil.copyfile(file, folder / file.name) for file in (pair.language, pair.projector)]
    with load_engine(ModelPair(*files, "nano"), EngineOptions()) as engine:
        assert engine.embed(np.zeros((engine.facts.tile_px,) * 2 + (3,), np.uint8)).any()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork")
@pytest.mark.parametrize("closed", [True, False])
def test_a_forked_child_reads_with_an_engine_of_its_own(closed):
    engine = load_engine(builtin(), EngineOptions())
    want = text(engine)
    if closed:
        engine.close()
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.write(writer, json.dumps(in_the_child(engine)).encode())
        os._exit(0)
    os.close(writer)
    try:
        assert waited(child) == 0
        assert json.loads(os.read(reader, 65536)) == [want, "EngineError"]
        if not closed:
            assert text(engine) == want
    finally:
        os.close(reader)
        engine.close()


def in_the_child(parents):
    with load_engine(builtin(), EngineOptions()) as engine:
        found = [text(engine)]
    try:
        text(parents)
    except EngineError:
        found.append("EngineError")
    parents.close()
    return found


def waited(child, seconds=60):
    for _ in range(seconds * 20):
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "hung"


def test_nothing_native_reaches_stdout_or_stderr(capfd):
    with load_engine(builtin(), EngineOptions()) as engine:
        text(engine)
    assert capfd.readouterr() == ("", "")


def test_logs_go_to_stderr_when_they_are_wanted(capfd):
    with load_engine(builtin(), EngineOptions(verbose=True)) as engine:
        text(engine)
    out, err = capfd.readouterr()
    assert out == ""
    assert "llama" in err
    with load_engine(builtin(), EngineOptions()):
        pass
    assert capfd.readouterr() == ("", "")


PRINTS = """
import ctypes, os, sys, threading
from smolcli.engine.llama.library import NativeThread
from smolcli.streams import protect_stdout
print("before", flush=False)
protect_stdout()
thread = NativeThread()
thread.call(lambda: os.write(1, b"native "))
others = [threading.Thread(target=lambda: [thread.call(os.write, 1, b"n ") for _ in range(200)]) for _ in range(4)]
[other.start() for other in others]
[other.join() for other in others]
thread.close(lambda: None)
print("data")
"""


def python(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60, check=True
    )


def test_what_native_code_writes_to_descriptor_1_comes_out_on_stderr():
    run = python(PRINTS)
    assert run.stdout == "before\ndata\n"
    assert run.stderr.count("n ") == 800


def test_a_closed_stdout_is_no_obstacle():
    run = python(
        "import os, sys; os.close(1)\n"
        "from smolcli.engine.llama.library import NativeThread\n"
        "thread = NativeThread(); print(thread.call(max, 3, 4), file=sys.stderr); thread.close(lambda: None)\n"
        "sys.stdout = None"
    )
    assert run.stderr == "4\n"


def test_importing_the_engine_loads_nothing_native():
    native = ("llama_cpp", "gguf", "cv2", "PIL", "jinja2")
    run = python(f"import sys, smolcli.engine; print([m for m in sys.modules if m.split('.')[0] in {native}])")
    assert run.stdout == "[]\n"
