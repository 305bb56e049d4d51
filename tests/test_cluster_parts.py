"""What --cluster needs no Ray for: how a node is shared, how a model comes to it, what an actor does with a job."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from drawing import draw_text
from fakes.deadly import load_deadly
from fakes.engine import FACTS

from smolcli.cache import items
from smolcli.datatypes import Sampling
from smolcli.engine import EngineOptions
from smolcli.errors import EngineError, ModelError
from smolcli.jobs import Answer, Failure, Job, Look, Question, Words
from smolcli.models import builtin, carry_pair
from smolcli.run import Access, Cluster, OpenFiles, RunOptions, Task
from smolcli.run.cluster.connecting import Node
from smolcli.run.cluster.node import actor_class
from smolcli.run.cluster.nouns import Lacking, Outcome, Sent, SentFile
from smolcli.run.cluster.sharing import Share, share_of
from smolcli.run.cluster.worker import Worker


@pytest.mark.parametrize(
    ("cpus", "gpus", "cluster", "engine", "share"),
    [
        (16, 0, Cluster("auto"), EngineOptions(), Share(1, 16, 0)),
        (16, 0, Cluster("auto", 4), EngineOptions(), Share(4, 4, 0)),
        (16, 0, Cluster("auto"), EngineOptions(threads=4), Share(1, 4, 0)),
        (1, 0, Cluster("local", 2), EngineOptions(threads=1), Share(2, 0.5, 0)),
        (10, 0, Cluster("auto", 4), EngineOptions(), Share(4, 2, 0)),
        (64, 8, Cluster("auto"), EngineOptions(), Share(8, 8, 1)),
        (64, 8, Cluster("auto", None, 0.5), EngineOptions(), Share(16, 4, 0.5)),
        (64, 8, Cluster("auto", 2), EngineOptions(), Share(2, 32, 1)),
        (16, 1, Cluster("local", 2), EngineOptions(), Share(2, 8, 0.5)),
        (64, 8, Cluster("auto"), EngineOptions(device="cpu"), Share(1, 64, 0)),
        (16, 0, Cluster("auto", None, 1.0), EngineOptions(), Share(1, 16, 1)),
    ],
)
def test_actors_of_a_node_and_what_each_has_of_it(cpus, gpus, cluster, engine, share):
    assert share_of(Node("1", "node", cpus, gpus), cluster, engine) == share


# ---- the model


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Another machine's folders."""
    monkeypatch.setenv("SMOL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("SMOL_DATA_DIR", str(tmp_path / "data"))
    return tmp_path


def carried(tmp_path: Path):
    """A language model that lies where no other machine looks, beside the built-in projector."""
    language = tmp_path / "elsewhere.gguf"
    language.write_bytes(b"GGUF" + bytes(range(256)) * 1000)
    return carry_pair(replace(builtin(), language=language))


def test_a_file_of_the_package_is_found_by_its_bytes(machine, tmp_path):
    language, projector = carry_pair(builtin()).files
    assert language.find() == builtin().language and projector.find() == builtin().projector
    assert replace(language, path="/somewhere/else/" + builtin().language.name).find() == builtin().language


def test_a_file_at_the_same_path_is_taken_if_it_holds_the_same_bytes(machine, tmp_path):
    language, _ = carried(tmp_path).files
    assert language.find() == tmp_path / "elsewhere.gguf"
    data = bytearray(Path(language.path).read_bytes())
    data[-1] ^= 1
    Path(language.path).write_bytes(data)
    assert language.find() is None


def test_a_pulled_model_is_found_wherever_it_lies(machine, tmp_path, smol):
    pair = tmp_path / "here"
    pair.mkdir()
    for file in (builtin().language, builtin().projector):
        shutil.copyfile(file, pair / file.name)
    smol("models", "add", "-q", "mine", pair / builtin().language.name, pair / builtin().projector.name)
    language, _ = carry_pair(builtin()).files
    assert replace(language, path="/nowhere/other.gguf").find() == pair / builtin().language.name


def test_what_is_sent_is_kept_in_the_cache_and_found_by_the_next(machine, tmp_path):
    language, _ = carried(tmp_path).files
    blocks = list(language.blocks())
    Path(language.path).unlink()
    assert language.find() is None
    kept = language.keep(blocks)
    assert language.find() == kept and kept.read_bytes() == b"".join(blocks)
    assert [item.path for item in items(machine / "cache", "carried")] == [kept]


def test_what_arrives_otherwise_than_it_was_sent_is_no_model(machine, tmp_path):
    language, _ = carried(tmp_path).files
    with pytest.raises(ModelError, match="has not arrived as it was sent"):
        language.keep([*language.blocks(), b"more"])
    assert list((machine / "cache" / "carried").glob("*.gguf")) == []


# ---- an actor


@pytest.fixture
def sign(tmp_path):
    path = tmp_path / "sign.png"
    draw_text(path, "EXIT")
    return path


def job_about(path: Path, words: str = "What?") -> tuple[Job, SentFile]:
    with OpenFiles(FACTS, 1000).hold(str(path), Look("low"), Access()) as media:
        place = media.places[0]
    return Job((place,), Question(Words(), words), Look("low"), Sampling(max_tokens=8)), SentFile(
        place.source, str(path), Access()
    )


@pytest.fixture
def worker():
    fetched = {"reference": b""}
    task = Task(carry_pair(builtin()), EngineOptions(threads=1), RunOptions(), load_deadly)
    made = Worker(task, 1, fetched.__getitem__)
    made.fetched = fetched
    prepared = made.prepare({})
    assert prepared.error is None and prepared.lacking == ()
    return made


def test_a_job_is_answered_from_the_path_where_the_same_bytes_lie(worker, sign):
    job, file = job_about(sign)
    outcome = worker.read(Sent(job, (file,)))
    assert isinstance(outcome, Outcome) and isinstance(outcome.what, Answer)
    assert outcome.what.job == job and outcome.plan is not None and outcome.plan.encodes == 1


@pytest.mark.parametrize("what", ["gone", "another"])
def test_where_other_bytes_lie_or_none_the_bytes_are_asked_for_and_read(worker, sign, what, tmp_path):
    job, file = job_about(sign)
    worker.fetched["reference"] = sign.read_bytes()
    sign.unlink() if what == "gone" else draw_text(sign, "OTHER")
    assert worker.read(Sent(job, (file,))) == Lacking((file.source,))
    outcome = worker.read(Sent(job, (replace(file, data="reference"),)))
    assert isinstance(outcome.what, Answer) and outcome.what.job.places[0].source.path == str(sign)


def test_bytes_that_are_not_those_meant_are_a_failure(worker, sign):
    job, file = job_about(sign)
    draw_text(sign, "OTHER")
    worker.fetched["reference"] = sign.read_bytes()
    outcome = worker.read(Sent(job, (replace(file, data="reference"),)))
    assert isinstance(outcome.what, Failure) and "is not the file that was meant" in outcome.what.message


def test_a_document_that_wants_a_password_is_opened_with_the_senders(worker, drawn):
    path = drawn / "locked.pdf"
    access = Access(password="pw")
    with OpenFiles(FACTS, 1000).hold(str(path), Look("low"), access) as media:
        place = media.places[0]
    job = Job((place,), Question(Words(), "What?"), Look("low"), Sampling(max_tokens=8))
    assert isinstance(worker.read(Sent(job, (SentFile(place.source, str(path), access),))).what, Answer)
    assert "pw" not in repr(SentFile(place.source, str(path), access))


def test_who_asks_the_same_at_the_same_time_is_told_the_same(worker, sign):
    job, file = job_about(sign)
    said = []
    threads = [threading.Thread(target=lambda: said.append(worker.read(Sent(job, (file,))))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(said) == 8 and {outcome.what.job for outcome in said} == {job}
    assert all(outcome.plan is not None for outcome in said)


def test_an_engine_that_fails_tells_everyone_and_answers_nothing_more(worker, sign):
    job, file = job_about(sign, "FAIL")
    with pytest.raises(EngineError, match="on purpose"):
        worker.read(Sent(job, (file,)))
    with pytest.raises(EngineError, match="on purpose"):
        worker.read(Sent(job_about(sign)[0], (file,)))


def test_the_class_of_the_actors_names_what_a_node_lacks():
    actor = actor_class()()
    assert actor.prepare("9.9", b"never read", 1, {}).startswith("has smolcli ")
