"""Large files are read while they are hashed: the answer waits for the hash, and nothing else does.

Every file is a large one here, and a hash takes as long as a test wants.
"""

import os
import pickle
import re
import threading
from contextlib import closing

import pytest
from drawing import draw_text, sha256
from fakes.engine import FACTS, FakeEngine

from smolcli.datatypes import Sampling, Source
from smolcli.errors import MediaError
from smolcli.generation import Encoded, Piece
from smolcli.jobs import Answer, Failure, Look, Question, Words
from smolcli.media import MediaOptions, hashing, open_media
from smolcli.run import Access, Kept, OpenFiles, Planned, RunOptions, run
from smolcli.verbs import Template, docvqa

TEMPLATE = Template((Question(Words(), "What?"),), Look("low"), Sampling(max_tokens=5))


class Gate:
    """Hashes come once it is open. fails: names of files that cannot be read to their end."""

    def __init__(self):
        self.opened, self.names, self.fails = threading.Event(), [], ()

    def pread(self, descriptor, size, at):
        name = os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}"))
        assert self.opened.wait(20), "the hash was waited for"
        if name in self.fails:
            raise OSError(5, "Input/output error")
        if at == 0:
            self.names.append(name)
        return REAL_PREAD(descriptor, size, at)


REAL_PREAD = os.pread if hasattr(os, "pread") else None
pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="no names of open files here")


@pytest.fixture
def gate(monkeypatch):
    found = Gate()
    monkeypatch.setattr(hashing, "BESIDE_BYTES", 0)
    monkeypatch.setattr(hashing.os, "pread", found.pread)
    yield found
    found.opened.set()


@pytest.fixture
def pictures(tmp_path):
    found = []
    for number in range(4):
        draw_text(tmp_path / f"{number}.png", str(number), (40, 30), 20)
        os.utime(tmp_path / f"{number}.png", (1e9 + 0.5, 1e9 + 0.5))
        found.append(str(tmp_path / f"{number}.png"))
    return found


@pytest.fixture
def files():
    with closing(OpenFiles(FACTS, 1000)) as opened:
        yield opened


class Store(dict):
    """Answers by key, in memory."""

    def get(self, key, sources):
        assert all(len(source) == 64 for source in sources)
        return super().get(key)

    def keep(self, key, sources, record):
        assert all(len(source) == 64 for source in sources)
        self[key] = record


def jobs(files, paths, template=TEMPLATE):
    return docvqa(files, paths, template, Access())


def read(path):
    with open(path, "rb") as file:
        return file.read()


# ---- one file


def test_a_file_is_opened_and_decoded_before_its_hash_is_there(gate, pictures):
    with open_media(pictures[0], MediaOptions()) as media, open_media(pictures[0], MediaOptions()) as again:
        [outline] = media.outlines
        assert media.frame(outline.place).rgb.shape == (30, 40, 3) and not media.source.is_hashed
        assert media.source == again.source and hash(media.source) == hash(again.source)  # nobody waits for that
        gate.opened.set()
        digest = sha256(read(pictures[0]))
        assert media.source.sha256 == again.source.sha256 == digest and media.source.is_hashed
    assert gate.names == ["0.png"], "it is read once, whoever asks"
    plain = Source(pictures[0], "image", digest)
    assert media.source == plain == media.source and hash(plain) == hash(media.source)
    sent = pickle.loads(pickle.dumps(media.source))
    assert type(sent) is Source and sent == plain
    assert media.source != Source(pictures[0], "image", "0" * 64) != media.source


def test_what_is_written_to_while_it_is_hashed_has_no_hash(gate, pictures):
    with open_media(pictures[0], MediaOptions()) as media:
        with open(pictures[0], "ab") as file:
            file.write(b"more")
        gate.opened.set()
        with pytest.raises(MediaError, match="has changed while it was being read"):
            _ = media.source.sha256


def test_a_file_that_is_closed_is_hashed_all_the_same_and_leaves_nothing_open(gate, pictures):
    before = len(os.listdir("/proc/self/fd"))
    with open_media(pictures[0], MediaOptions()) as media:
        pass
    gate.opened.set()
    assert media.source.sha256 == sha256(read(pictures[0]))
    for thread in threading.enumerate():
        if thread.name == "smol-hash":
            thread.join()
    assert len(os.listdir("/proc/self/fd")) == before


# ---- a run


@pytest.mark.parametrize("threads", [0, 1, 8])
def test_a_request_is_read_while_its_file_is_hashed_and_answered_once_that_is_done(gate, files, pictures, threads):
    engine, store, seen = FakeEngine(), Store(), []
    for event in run(jobs(files, pictures[:1]), engine, files, RunOptions(threads=threads), Kept(store, "m", "fake")):
        if isinstance(event, Piece):
            assert not store
            gate.opened.set()
        seen.append(type(event))
    assert [kind for kind in seen if kind in (Planned, Encoded, Piece, Answer)] == [Planned, Encoded, Piece, Answer]
    [key] = store
    [again] = [
        event
        for event in run(
            jobs(files, pictures[:1]), FakeEngine(stuck={0}), files, RunOptions(), Kept(store, "m", "fake")
        )
        if isinstance(event, Answer)
    ]
    assert again.cached and again.text == "answer 0" and list(store) == [key] and not files._opened


@pytest.mark.parametrize("parallel", [1, 4])
def test_what_an_earlier_run_has_answered_is_known_when_the_hash_comes_and_the_engine_is_told(
    gate, files, pictures, parallel
):
    store = Store()
    gate.opened.set()
    first = list(run(jobs(files, pictures), FakeEngine(), files, RunOptions(), Kept(store, "m", "fake")))
    hashing._hashes.clear()
    gate.opened.clear()
    engine, seen = FakeEngine(parallel=parallel, stuck=range(9)), []
    for event in run(jobs(files, pictures), engine, files, RunOptions(), Kept(store, "m", "fake")):
        seen.append(event)
        if isinstance(event, Planned) and len([each for each in seen if isinstance(each, Planned)]) == 2:
            gate.opened.set()
    found = [event for event in seen if isinstance(event, Answer)]
    assert [each.text for each in found] == [each.text for each in first if isinstance(each, Answer)]
    assert all(each.cached and each.generation.counts.encodes == 0 for each in found)
    assert sorted(engine.cancelled) == sorted(engine.seen) and not engine.busy and not files._opened


def test_an_answer_that_was_written_before_the_hash_came_is_the_earlier_runs_if_there_is_one(gate, files, pictures):
    store = Store()
    gate.opened.set()
    list(run(jobs(files, pictures[:1]), FakeEngine(), files, RunOptions(), Kept(store, "m", "fake")))
    hashing._hashes.clear()
    gate.opened.clear()
    engine, found = FakeEngine(), []
    for event in run(jobs(files, pictures[:1]), engine, files, RunOptions(), Kept(store, "m", "fake")):
        found += [event] if isinstance(event, Answer) else []
        if isinstance(event, Piece):
            gate.opened.set()
    assert [each.cached for each in found] == [True] and sorted(engine.seen) == [0] and len(store) == 1


def test_a_file_that_cannot_be_hashed_is_a_failure_in_its_turn_and_the_others_are_answered(gate, files, pictures):
    gate.fails = ("1.png",)
    gate.opened.set()
    for kept in (None, Kept(Store(), "m", "fake")):
        for parallel in (1, 4):
            hashing._hashes.clear()
            engine = FakeEngine(parallel=parallel)
            found = [
                event
                for event in run(jobs(files, pictures), engine, files, RunOptions(), kept)
                if isinstance(event, Answer | Failure)
            ]
            assert [isinstance(each, Failure) for each in found] == [False, True, False, False]
            assert "Input/output error" in found[1].message and found[1].source == pictures[1]
        assert not files._opened


def test_where_words_are_drawn_the_seed_is_that_of_a_file_that_was_hashed_first(gate, files, pictures, monkeypatch):
    drawn = Template(TEMPLATE.questions, TEMPLATE.look, Sampling(temperature=1.0, seed=7, max_tokens=5))
    late, early = FakeEngine(), FakeEngine()
    threading.Timer(0.05, gate.opened.set).start()
    list(run(jobs(files, pictures[:1], drawn), late, files, RunOptions()))
    monkeypatch.setattr(hashing, "BESIDE_BYTES", 1 << 40)
    list(run(jobs(files, pictures[:1], drawn), early, files, RunOptions()))
    assert late.seen[0].sampling == early.seen[0].sampling


def test_the_others_go_on_while_one_answer_waits_for_its_hash(gate, files, pictures, monkeypatch):
    real, large = hashing.content_of, os.path.basename(pictures[0])
    small = lambda file: real(file) if os.path.basename(file.name) == large else hashing.sha256_of(file)  # noqa: E731
    monkeypatch.setattr("smolcli.media.reading.content_of", small)
    engine, store = FakeEngine(parallel=2), Store()
    found = []
    options = RunOptions(ordered=False)
    for event in run(jobs(files, pictures), engine, files, options, Kept(store, "m", "fake")):
        if isinstance(event, Answer):
            found.append(os.path.basename(event.job.places[0].source.path))
        if len(found) == 3:
            gate.opened.set()
    assert found == ["1.png", "2.png", "3.png", "0.png"] and len(store) == 4


# ---- as a user sees it


def test_a_large_file_is_asked_known_again_and_forgotten_like_any_other(smol, drawn, tmp_path, monkeypatch):
    monkeypatch.setattr(hashing, "BESIDE_BYTES", 0)
    monkeypatch.setenv("SMOL_STORE", "on")
    monkeypatch.setenv("SMOL_CACHE_DIR", str(tmp_path / "cache"))
    words = ("-q", "--json", "--max-tokens", "2", "--detail", "low")
    for asked in (("ask", drawn / "exit.png"), ("docvqa", drawn / "doc.pdf"), ("video", drawn / "clip.mp4")):
        first, again, other = (smol(*asked, question, *words).record for question in ("What?", "What?", "And?"))
        assert first["media"][0]["sha256"] == again["media"][0]["sha256"] == sha256(read(asked[1]))
        assert first["counts"]["encodes"] > 0 == again["counts"]["encodes"] == other["counts"]["encodes"]
        assert (first["cached"], again["cached"], other["cached"]) == (False, True, False)
        gone = re.search(r"(\d+) tiles? and (\d+) answers of", smol("cache", "forget", asked[1]).err)
        assert gone and int(gone[1]) >= first["counts"]["encodes"] and int(gone[2]) >= 2
        assert smol(*asked, "What?", *words).record["counts"]["encodes"] == first["counts"]["encodes"]
