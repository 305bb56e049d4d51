"""The loop: order, failures, limits and interruptions, with an engine that answers as it is told and real files."""

import gc
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from drawing import draw_clip, draw_pdf, draw_text
from fakes.engine import FACTS, FakeEngine

from smolcli.datatypes import ImagePart, Place, Sampling, Source, TextPart, Turn
from smolcli.errors import EngineError
from smolcli.generation import Piece, Request
from smolcli.jobs import Answer, Expected, Failure, Job, Look, Question, Waiting, Words
from smolcli.run import Access, OpenFiles, Planned, RunOptions, run
from smolcli.run.ahead import MOST_TASKS, Ahead
from smolcli.verbs import Template, ask, caption, docvqa

ROOT = Path(__file__).resolve().parents[1]
SEEDLESS = Sampling(max_tokens=5)


def template(*questions):
    return Template(tuple(Question(Words(), text) for text in questions or ("What?",)), Look("low"), SEEDLESS)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    return [draw_text(folder / f"{n}.png", str(n), (40, 30), 20) and str(folder / f"{n}.png") for n in range(8)]


@pytest.fixture
def files():
    with closing(OpenFiles(FACTS, 1000)) as opened:
        yield opened


def answers(events):
    """What was said, as numbers of answers and classes of failures."""
    return [
        event.generation.key if isinstance(event, Answer) else event.error
        for event in events
        if isinstance(event, Answer | Failure)
    ]


def run_answers(*arguments):
    return [event for event in run(*arguments) if isinstance(event, Answer)]


def said(files, paths, engine, **options):
    return answers(run(docvqa(files, paths, template(), Access()), engine, files, RunOptions(**options)))


def test_answers_come_in_the_order_of_their_jobs_whichever_is_done_first(files, pictures):
    engine = FakeEngine(parallel=4, finish=[2, 0, 3, 1])
    assert said(files, pictures[:4], engine) == [0, 1, 2, 3]
    assert said(files, pictures[:4], FakeEngine(parallel=4, finish=[2, 0, 3, 1]), ordered=False) == [2, 0, 3, 1]


@pytest.mark.parametrize("engine", [{"refuse": [1]}, {"too_long": [1]}])
def test_a_request_that_is_refused_holds_no_later_answer_back(files, pictures, engine):
    assert said(files, pictures[:3], FakeEngine(parallel=2, **engine)) == [0, "DoesNotFitError", 2]


@pytest.mark.parametrize("threads", [0, 1, 8])
def test_a_file_that_cannot_be_read_is_a_failure_in_its_turn_with_any_number_of_threads(
    files, pictures, tmp_path, threads
):
    (tmp_path / "bad.png").write_bytes(Path(pictures[0]).read_bytes()[:-60])
    paths = [pictures[0], str(tmp_path / "bad.png"), str(tmp_path / "none.png"), pictures[1]]
    found = said(files, paths, FakeEngine(parallel=2), threads=threads)
    assert found == [0, "MediaError", "MediaError", 3]
    assert not files._opened


def test_a_failure_names_the_file_of_a_request_that_cannot_be_read_and_no_page_for_all_of_it(files, pictures, tmp_path):
    (tmp_path / "bad.png").write_bytes(Path(pictures[0]).read_bytes()[:-60])
    draw_pdf(tmp_path / "doc.pdf", [{"text": "1"}, {"text": "2"}])

    def failed(paths, engine):
        events = run(ask(files, paths, template(), Access()), engine, files, RunOptions())
        [found] = [event for event in events if isinstance(event, Failure)]
        return found.source, found.place

    bad, document = str(tmp_path / "bad.png"), str(tmp_path / "doc.pdf")
    assert failed([pictures[0], bad, pictures[1]], FakeEngine()) == (bad, bad)
    assert failed([document], FakeEngine(refuse=[0])) == (document, document)


def test_a_failure_of_a_whole_request_names_all_of_its_files(files, pictures):
    def failed(paths, engine, **options):
        events = run(ask(files, paths, template(), Access()), engine, files, RunOptions(**options))
        [found] = [event for event in events if isinstance(event, Failure)]
        return found.source, found.place, found.error

    two, many = ", ".join(pictures[:2]), ", ".join([*pictures[:3], "5 more"])
    assert failed(pictures[:2], FakeEngine(stuck=[0]), timeout_s=0.1) == (two, two, "TookTooLongError")
    assert failed(pictures[:2], FakeEngine(refuse=[0])) == (two, two, "DoesNotFitError")
    assert failed(pictures, FakeEngine(too_long=[0])) == (many, many, "DoesNotFitError")
    twice = [pictures[0], pictures[0]]
    assert failed(twice, FakeEngine(refuse=[0])) == (pictures[0], pictures[0], "DoesNotFitError")


def test_what_is_finished_comes_out_when_the_engine_fails(files, pictures):
    engine = FakeEngine(parallel=4, finish=[2, 1], stuck=[0, 3], fails_once_stuck=True)
    events, seen = run(docvqa(files, pictures[:4], template(), Access()), engine, files, RunOptions()), []
    with pytest.raises(EngineError):
        seen.extend(events)
    assert answers(seen) == [1, 2] and sorted(engine.cancelled) == [0, 3]


def test_what_is_finished_comes_out_when_the_run_is_told_to_end(files, pictures):
    engine = FakeEngine(parallel=4, finish=[3, 2, 0, 1])
    events = run(docvqa(files, pictures[:4], template(), Access()), engine, files, RunOptions())
    seen = [next(event for event in events if isinstance(event, Answer)), events.throw(EngineError("Ended."))]
    with pytest.raises(EngineError, match="Ended"):
        seen.extend(events)
    assert answers(seen) == [0, 2, 3]


def test_closing_a_run_takes_back_what_is_under_way_and_closes_every_file(files, pictures):
    engine = FakeEngine(parallel=3, stuck=[0, 1, 2])
    events = run(docvqa(files, pictures, template(), Access()), engine, files, RunOptions(ahead_bytes=1))
    engine.step = lambda: (engine.taken.keys() >= {0, 1, 2} and [Piece(0, "x")]) or []
    assert next(event for event in events if isinstance(event, Piece))
    events.close()
    assert sorted(engine.cancelled) == [0, 1, 2] and not engine.taken


def test_the_first_failure_ends_the_run_where_that_is_asked_for(files, pictures, tmp_path):
    paths = [pictures[0], str(tmp_path / "none.png"), *pictures[1:]]
    found = said(files, paths, FakeEngine(), fail_fast=True)
    assert found[-1] == "MediaError" and len(found) <= 2


def test_a_job_that_takes_too_long_is_a_failure_and_the_others_go_on(files, pictures):
    engine = FakeEngine(parallel=2, stuck=[1])
    assert said(files, pictures[:4], engine, timeout_s=0.2) == [0, "TookTooLongError", 2, 3]
    assert engine.cancelled == [1]


def test_a_picture_that_never_is_decoded_is_a_failure_and_the_others_go_on(files, pictures, monkeypatch):
    from smolcli.media.image import ImageMedia

    usual, hang = ImageMedia.frame, threading.Event()
    monkeypatch.setattr(
        ImageMedia, "frame", lambda self, place: hang.wait(30) if "2.png" in self.source.path else usual(self, place)
    )
    try:
        assert said(files, pictures[:4], FakeEngine(), timeout_s=0.3, threads=1) == [0, 1, "TookTooLongError", 3]
    finally:
        hang.set()


def test_questions_about_the_same_page_decode_it_once(files, tmp_path, monkeypatch):
    from smolcli.media.document import DocumentMedia

    drawn, usual = [], DocumentMedia.frame
    monkeypatch.setattr(DocumentMedia, "frame", lambda self, place: drawn.append(place.page) or usual(self, place))
    pdf = str(draw_pdf(tmp_path / "a.pdf", [{"size": (200, 200)}] * 3))
    jobs = docvqa(files, [pdf], template("a", "b", "c"), Access())
    found = list(run(jobs, FakeEngine(parallel=2), files, RunOptions()))
    assert answers(found) == list(range(9)) and sorted(drawn) == [1, 2, 3]
    spent = [event.generation.seconds.preprocess > 0 for event in found if isinstance(event, Answer)]
    assert spent == [True, False, False] * 3


def test_how_many_answers_are_to_come_is_known_when_a_file_is_opened(files, tmp_path, pictures):
    pdf = str(draw_pdf(tmp_path / "a.pdf", [{"size": (200, 200)}] * 5))
    events = list(
        run(docvqa(files, [pdf, pictures[0]], template("a", "b"), Access()), FakeEngine(), files, RunOptions())
    )
    assert sum(event.answers for event in events if isinstance(event, Expected)) == len(answers(events)) == 12
    first = next(n for n, event in enumerate(events) if isinstance(event, Planned))
    assert sum(event.answers for event in events[:first] if isinstance(event, Expected)) == 12


def test_files_of_a_folder_are_opened_in_their_turn_and_not_ahead(files, pictures, monkeypatch):
    import smolcli.run.opened as opened

    looked, usual = [], opened.open_media
    monkeypatch.setattr(opened, "open_media", lambda path, options: looked.append(path) or usual(path, options))
    folder = pictures[0].rsplit("/", 1)[0]
    options = RunOptions(ahead_bytes=1, threads=1)
    events = run(caption(files, [folder], template(), Access()), FakeEngine(), files, options)
    next(event for event in events if isinstance(event, Answer))
    assert len(looked) <= 3
    events.close()


def test_a_job_about_a_file_that_is_not_open_opens_it_and_refuses_another(files, pictures):
    with files.hold(pictures[0], Look("low"), Access()) as media:
        place = media.outlines[0].place
    [job] = template().jobs([place])
    assert answers(run([job], FakeEngine(), files, RunOptions())) == [0]
    changed = replace(place, source=replace(place.source, sha256="0" * 64))
    gone = Place(Source("none.png", "image", "0" * 64))
    found = list(run([replace(job, places=(p,)) for p in (changed, gone)], FakeEngine(), files, RunOptions()))
    assert answers(found) == ["MediaError"] * 2 and not files._opened


def test_a_box_is_that_part_of_the_picture(files, tmp_path):
    from PIL import Image

    picture = Image.new("RGB", (40, 20), "red")
    picture.paste("blue", (20, 0, 40, 20))
    picture.save(tmp_path / "a.png")
    with files.hold(str(tmp_path / "a.png"), Look("low"), Access()) as media:
        place = replace(media.outlines[0].place, box=(0.5, 0.0, 0.5, 1.0))
    assert place.uri == f"{tmp_path / 'a.png'}#xywh=percent:50,0,50,100"
    engine = FakeEngine()
    [job] = template().jobs([place])
    [answer] = run_answers([job], engine, files, RunOptions())
    [tile] = engine.seen[0].turns[0].parts[0].tiles.rgb
    assert (tile == (0, 0, 255)).all() and answer.places == (place,)


def test_a_window_of_a_clip_is_sampled_as_a_clip_of_its_length(files, tmp_path):
    clip = draw_clip(tmp_path / "a.mp4", 300)
    with files.hold(clip, Look("low"), Access()) as media:
        place = Place(media.source, window_s=(4.0, 7.0))
        assert media.video.duration_s == pytest.approx(10.0, abs=0.1)
    assert place.uri == f"{clip}#t=4,7"
    [job] = template().jobs([place])
    [answer] = run_answers([job], FakeEngine(), files, RunOptions())
    assert [frame.index for frame in answer.places] == [120, 164, 209]
    beyond = replace(job, places=(replace(place, window_s=(11.0, 12.0)),))
    [failed] = [event for event in run([beyond], FakeEngine(), files, RunOptions()) if isinstance(event, Failure)]
    assert "10.0 s long" in failed.message and failed.place == f"{clip}#t=11,12"


def test_a_window_of_more_frames_than_the_model_reads_is_reduced_evenly_and_it_is_said(files, tmp_path):
    clip = draw_clip(tmp_path / "a.mp4", 300)
    with files.hold(clip, Look("low"), Access()) as media:
        [job] = template().jobs([Place(media.source, window_s=(2.0, 10.0))])
    [answer] = run_answers([job], FakeEngine(), files, RunOptions())
    assert [frame.index for frame in answer.places] == [90, 150, 210, 270]
    [note] = answer.warnings
    assert note.startswith("4 frames of") and "instead of 8 at 1 a second: fake was trained on at most 4" in note


def test_a_seed_is_of_the_job_and_not_of_its_place_among_others(files, pictures):
    drawn = replace(SEEDLESS, temperature=1.0, seed=7)
    both = replace(template(), sampling=drawn)
    engine, other = FakeEngine(), FakeEngine()
    list(run(docvqa(files, pictures[:3], both, Access()), engine, files, RunOptions()))
    list(run(docvqa(files, pictures[2::-1], both, Access()), other, files, RunOptions()))
    seeds = [engine.seen[n].sampling.seed for n in range(3)]
    assert len(set(seeds)) == 3 and seeds == [other.seen[n].sampling.seed for n in (2, 1, 0)]


def test_a_seed_that_is_not_given_is_that_of_the_run_and_is_said(files, pictures):
    unset = replace(template(), sampling=replace(SEEDLESS, temperature=1.0))
    given = replace(unset, sampling=replace(unset.sampling, seed=11))
    one, other = FakeEngine(), FakeEngine()
    [first] = run_answers(ask(files, pictures[:1], unset, Access()), one, files, RunOptions(seed=11))
    [second] = run_answers(ask(files, pictures[:1], given, Access()), other, files, RunOptions(seed=5))
    assert first.seed == second.seed == 11 and one.seen[0].sampling == other.seen[0].sampling


def test_work_ahead_is_bounded_by_bytes_and_never_stops_for_one_that_is_too_large():
    ahead = Ahead(threads=2, most_bytes=100)
    first = ahead.give(lambda: 1, 1000)
    assert not ahead.has_room and first.wait(5) and first.result() == 1
    ahead.drop(first)
    tasks = []
    while ahead.has_room:
        tasks.append(ahead.give(time.monotonic, 30))
    assert len(tasks) == 4 and all(task.wait(5) for task in tasks)
    ahead.close()


def test_of_small_pictures_no_more_are_decoded_ahead_than_keep_the_engine_busy():
    ahead, tasks = Ahead(threads=2, most_bytes=1_000_000_000), []
    while ahead.has_room:
        tasks.append(ahead.give(time.monotonic, 30))
    assert len(tasks) == MOST_TASKS and all(task.wait(5) for task in tasks)
    ahead.drop(tasks.pop())
    assert ahead.has_room
    ahead.close()


FREED = """
import sys
from pathlib import Path
from smolcli.run.ahead import TRIM_BYTES, Ahead

def rss_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

ahead = Ahead(threads=1, most_bytes=TRIM_BYTES)
task = ahead.give(lambda: [bytearray(b"x" * 60_000) for _ in range(1000)], TRIM_BYTES)
held, last = rss_mb(), task.result()[999]
del task._future
freed = rss_mb()  # its end is in use: the C library keeps what lies before it
ahead.drop(task)
assert freed - rss_mb() > 30, (held, freed, rss_mb())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take back what is free by themselves")
def test_what_was_decoded_and_dropped_goes_back_to_the_system():
    subprocess.run([sys.executable, "-c", FREED], check=True, cwd=ROOT)


def test_jobs_can_be_sent_to_another_process(files, pictures):
    import pickle

    with files.hold(pictures[0], Look("low"), Access()) as media:
        [job] = template().jobs([media.outlines[0].place])
    data = pickle.dumps(job)
    assert pickle.loads(data) == job and hash(pickle.loads(data)) == hash(job) and len(data) < 2000
    assert isinstance(job, Job)


@pytest.mark.parametrize("threads", [0, 2])
def test_a_run_that_is_left_keeps_no_file_open(files, pictures, threads):
    jobs = docvqa(files, pictures[:6], template(), Access())
    events = run(jobs, FakeEngine(parallel=1), files, RunOptions(threads=threads))
    assert next(event for event in events if isinstance(event, Planned))
    events.close()
    wait_s = time.monotonic() + 20
    while files._opened and time.monotonic() < wait_s:  # what is being decoded is closed after it
        time.sleep(0.01)
    assert not files._opened


@pytest.mark.parametrize("threads", [0, 2])
def test_a_verb_that_waits_for_an_answer_makes_its_next_job_of_it(files, pictures, threads):
    heard = []

    def jobs():
        yield from docvqa(files, pictures[:2], template("first"), Access())
        while len(heard) < 2:
            yield Waiting()
        yield from docvqa(files, pictures[2:3], template(f"after {len(heard)}"), Access())

    for event in run(jobs(), FakeEngine(parallel=2, finish=[1, 0, 2]), files, RunOptions(threads=threads)):
        if isinstance(event, Answer):
            heard.append(event.question)  # noqa: PERF401 - the verb reads the list meanwhile
    assert heard == ["first", "first", "after 2"]


def test_a_verb_that_waits_for_nothing_is_a_fault_of_ours_and_no_endless_run(files):
    with pytest.raises(AssertionError, match="nobody is to give"):
        list(run(iter([Waiting()] * 9), FakeEngine(), files, RunOptions()))


# ---- the same pixels again


@pytest.fixture
def copies(pictures, tmp_path):
    """Three pictures, and of the first two copies: one that is other bytes, one under another name."""
    from PIL import Image

    with Image.open(pictures[0]) as image:
        image.save(tmp_path / "x.png", compress_level=0)
        image.save(tmp_path / "y.bmp")
    return [pictures[0], str(tmp_path / "x.png"), pictures[1], str(tmp_path / "y.bmp"), pictures[2]]


@pytest.mark.parametrize("parallel", [1, 2, 8])
def test_pictures_of_the_same_pixels_are_computed_once_and_each_has_its_answer(files, copies, parallel):
    engine = FakeEngine(parallel=parallel)
    found = run_answers(docvqa(files, copies, template(), Access()), engine, files, RunOptions())
    assert sorted(engine.seen) == [0, 2, 4]
    assert [answer.text for answer in found] == ["answer 0", "answer 0", "answer 2", "answer 0", "answer 4"]
    assert [answer.generation.key for answer in found] == [0, 1, 2, 3, 4]
    assert [answer.job.places[0].source.path for answer in found] == copies
    assert [answer.places[0].source.path for answer in found] == copies
    assert [answer.cached for answer in found] == [False, True, False, True, False]
    assert [answer.generation.counts.encodes for answer in found] == [1, 0, 1, 0, 1]
    assert not files._opened


TEXT = (Turn("user", (TextPart("What?"),)),)


class Forgetful(FakeEngine):
    """Answers once it has been given `wanted` requests, of which it keeps the words and no pictures."""

    def __init__(self, wanted):
        super().__init__(parallel=wanted)
        self.wanted = wanted

    def add(self, request):
        given = super().add(request)
        if given:
            self.taken[request.key] = self.seen[request.key] = Request(request.key, TEXT)
        return given

    def step(self):
        return super().step() if len(self.seen) == self.wanted else []


def test_pictures_that_the_engine_has_are_not_kept_beside_it(files, pictures):
    def cut():
        gc.collect()
        return sum(isinstance(each, ImagePart) and each.tiles is not None for each in gc.get_objects())

    engine, before, most = Forgetful(wanted=8), cut(), 0
    for event in run(docvqa(files, pictures, template(), Access()), engine, files, RunOptions()):
        if isinstance(event, Answer):
            most = max(most, cut() - before)
    assert most <= 1, "only the latest are kept, which the next job may be about"


def test_other_words_choices_and_chance_are_other_answers(files, copies):
    def seen(jobs):
        engine = FakeEngine(parallel=4)
        run_answers(jobs, engine, files, RunOptions())
        return sorted(engine.seen)

    assert seen(docvqa(files, copies[:2], template("What?", "Which?"), Access())) == [0, 1]
    drawn = replace(template(), sampling=Sampling(temperature=1.0, max_tokens=5))
    assert seen(docvqa(files, copies[:2], drawn, Access())) == [0, 1]
    both = [template(), template().within(choices=("a", "b"))]
    jobs = [job for each in both for job in docvqa(files, copies[:2], each, Access())]
    assert seen(jobs) == [0, 2]


@pytest.mark.parametrize("engine", [{"refuse": [0]}, {"too_long": [0]}, {"stuck": [0]}])
def test_what_waits_for_a_job_that_fails_fails_with_it_and_holds_nobody_back(files, copies, engine):
    found = said(files, copies, FakeEngine(parallel=4, **engine), timeout_s=0.3 if "stuck" in engine else None)
    error = "TookTooLongError" if "stuck" in engine else "DoesNotFitError"
    assert found[0] == error and [found[2], found[4]] == [2, 4]
    assert all(found[number] in (error, number) for number in (1, 3))  # by whether it was decoded before that


def test_a_copy_that_is_damaged_is_a_failure_all_the_same(files, copies, tmp_path):
    (tmp_path / "cut.png").write_bytes(Path(copies[1]).read_bytes()[:-60])
    found = said(files, [copies[0], str(tmp_path / "cut.png"), copies[3]], FakeEngine(parallel=2))
    assert found == [0, "MediaError", 2]


def test_what_waits_for_the_same_pixels_holds_no_tiles(files, copies, monkeypatch):
    from smolcli.run.twins import Twins

    held, real = [], Twins.join

    def watched(self, work):
        joined = real(self, work)
        held.extend([len(work.loaded.media)] if joined else [])
        return joined

    monkeypatch.setattr(Twins, "join", watched)
    engine = FakeEngine(parallel=8, finish=[4, 2, 0])
    found = run_answers(docvqa(files, copies, template(), Access()), engine, files, RunOptions())
    assert [answer.text for answer in found] == ["answer 0", "answer 0", "answer 2", "answer 0", "answer 4"]
    assert held and set(held) == {0}


@pytest.mark.parametrize("parallel", [1, 4, 16])
def test_what_is_finished_is_said_before_the_next_is_waited_for(files, pictures, tmp_path, parallel):
    said, seen = threading.Event(), []

    def jobs():
        for path in (str(tmp_path / "none.png"), pictures[0], str(tmp_path / "none.png")):
            said.clear()
            yield from docvqa(files, [path], template(), Access())
            assert said.wait(10), "it was not said while the next one was to come"

    for event in run(jobs(), FakeEngine(parallel=parallel), files, RunOptions()):
        if isinstance(event, Answer | Failure):
            seen.append(event)
            said.set()
    assert answers(seen) == ["MediaError", 1, "MediaError"]
