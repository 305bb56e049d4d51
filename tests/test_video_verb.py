"""Clips that are watched in windows: what is described, merged, ranked and read; with an engine that sees greys.

Window n of a clip is grey n, by which the engine knows it; a job without pictures merges texts.
"""

from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from fakes.engine import FACTS, FakeEngine

from smolcli.datatypes import ImagePart, Place, Sampling, TextPart
from smolcli.errors import DoesNotFitError
from smolcli.generation import Generation, Piece, Refused
from smolcli.jobs import Answer, Failure, Look, Question, Words
from smolcli.run import Access, OpenFiles, RunOptions, run
from smolcli.verbs import ClipQuestions, Merging, Template, Watching

STEP, WINDOW_S, FPS = 20, 4.0, 4.0  # levels of grey between windows


class Eyes(FakeEngine):
    """says: window → (answer, logprob); likely: window → how likely it says yes (log); fails: windows refused.

    looked: ("glance" | "read", window) or ("merge", the lines) of every request.
    """

    def __init__(self, says=None, likely=None, fails=(), parallel=1):
        super().__init__(parallel=parallel)
        self.says, self.likely, self.fails, self.looked = says or {}, likely or {}, fails, []

    def step(self):
        return [self._seen(event) for event in super().step()]

    def _seen(self, event):
        if not isinstance(event, Generation):
            return event
        request = self.seen[event.key]
        parts = [part for turn in request.turns for part in turn.parts]
        pictures = [part for part in parts if isinstance(part, ImagePart)]
        if not pictures:
            text = "".join(part.text for part in parts if isinstance(part, TextPart))
            self.looked.append(("merge", text))
            return replace(event, text=f"all of {text.count(': ')}")
        greys = {round((255 - float(part.tiles.rgb.mean())) / STEP) for part in pictures}
        assert len(greys) == 1, "frames of two windows in one request"
        window = greys.pop()
        self.looked.append(("glance" if request.choices else "read", window))
        if window in self.fails:
            return Refused(event.key, DoesNotFitError("It does not fit."))
        if request.choices:
            return replace(event, choice_logprobs=(self.likely.get(window, -9.0), -0.5))
        text, logprob = self.says.get(window, (f"window {window}", -0.01))
        return replace(event, text=text, mean_logprob=logprob)


@pytest.fixture
def clip(tmp_path):
    """A function: a clip of so many windows, window n (from 1) all in grey n."""
    import cv2

    def draw(count, name="clip.avi"):
        writer = cv2.VideoWriter(str(tmp_path / name), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*"FFV1"), FPS, (64, 48))
        for window in range(1, count + 1):
            for _ in range(int(WINDOW_S * FPS)):
                writer.write(np.full((48, 64, 3), 255 - STEP * window, np.uint8))
        writer.release()
        return str(tmp_path / name)

    return draw


def windows(media):
    count = round(media.video.duration_s / WINDOW_S)
    if count == 1:
        return [Place(media.source)]
    return [Place(media.source, window_s=(n * WINDOW_S, (n + 1) * WINDOW_S)) for n in range(count)]


def fits_of(most):
    """Whether a merging question holds at most so many lines."""
    return lambda question: question.text.count(": ") <= most


def watch(engine, paths, questions=(), merges=10, lazily=False, **watching):
    """Everything that is said."""
    template = Template(
        tuple(Question(Words(), text) for text in questions or ["Describe."]), Look("low"), Sampling(0.0)
    )
    merging = Merging(Question(Words(), "{parts}"), Sampling(0.0), fits_of(merges)) if merges else None
    how = Watching((lambda media: iter(windows(media))) if lazily else windows, bool(questions), merging, **watching)
    with closing(OpenFiles(FACTS, 1000)) as files:
        asking = ClipQuestions(files, paths, template, Access(), how)
        events = list(asking.answers(run(asking.jobs(engine.parallel), engine, files, RunOptions())))
        assert not files._opened
    return events


def said(events):
    return [event for event in events if isinstance(event, Answer | Failure)]


def test_a_clip_of_one_window_is_one_answer_said_letter_by_letter(clip):
    events = watch(Eyes(), [clip(1)])
    assert [event.text for event in events if isinstance(event, Piece)] == ["answer 0"]
    (answer,) = said(events)
    assert (answer.text, answer.job.places[0].window_s) == ("window 1", None)


@pytest.mark.parametrize("lazily", [False, True])
@pytest.mark.parametrize("parallel", [1, 3])
def test_windows_are_described_in_order_as_they_come_then_merged(clip, lazily, parallel):
    engine = Eyes(parallel=parallel)
    path = clip(6)
    *parts, whole = said(watch(engine, [path], lazily=lazily))
    assert [part.text for part in parts] == [f"window {n}" for n in range(1, 7)]
    assert [part.job.places[0].uri for part in parts][:2] == [f"{path}#t=0,4", f"{path}#t=4,8"]
    assert (whole.text, whole.job.places[0].uri) == ("all of 6", path)
    assert engine.looked[-1][1].splitlines()[0] == "00:00 to 00:04: window 1"
    assert whole.generation.counts.new_tokens == 2


def test_the_first_description_is_said_before_the_last_window_is_looked_at(clip):
    engine = Eyes()
    events = []
    template = Template((Question(Words(), "Describe."),), Look("low"), Sampling(0.0))
    with closing(OpenFiles(FACTS, 1000)) as files:
        asking = ClipQuestions(files, [clip(9)], template, Access(), Watching(windows))
        for event in asking.answers(run(asking.jobs(), engine, files, RunOptions())):
            events.append(event)
            if isinstance(event, Answer):
                break
        assert len(engine.looked) < 5


def test_more_than_fits_is_merged_again_and_again(clip):
    engine = Eyes()
    *_, whole = said(watch(engine, [clip(7)], merges=3))
    merges = [text.count(": ") for kind, text in engine.looked if kind == "merge"]
    assert merges == [3, 3, 3] and whole.text == "all of 3"  # 3 + 3 + 1, and those three


def test_where_not_even_two_fit_together_they_are_joined(clip):
    engine = Eyes()
    *_, whole = said(watch(engine, [clip(2)], merges=1))
    assert whole.text == "window 1. window 2" and not any(kind == "merge" for kind, _ in engine.looked)


def test_a_model_that_merges_no_texts_has_them_joined_without_repetitions_and_says_so(clip):
    says = dict.fromkeys((1, 2), ("A dog.", -0.1))
    *_, whole = said(watch(Eyes(says), [clip(3)], merges=0, joins="joined"))
    assert (whole.text, whole.warnings) == ("A dog. window 3", ("joined",))


def test_a_window_that_fails_is_a_failure_with_its_place_and_the_others_are_merged(clip):
    path = clip(3)
    first, failed, last, whole = said(watch(Eyes(fails=[2]), [path]))
    assert (first.text, last.text, whole.text) == ("window 1", "window 3", "all of 2")
    assert failed.place == f"{path}#t=4,8"
    assert whole.warnings == ("1 of 3 windows could not be read.",)


def test_a_clip_that_is_none_is_a_failure_and_the_next_is_watched(clip, tmp_path):
    (tmp_path / "no.mp4").write_bytes(b"no clip")
    failed, answer = said(watch(Eyes(), [str(tmp_path / "no.mp4"), clip(1)]))
    assert isinstance(failed, Failure) and answer.text == "window 1"


def test_a_question_is_put_to_the_likeliest_windows_and_answered_with_the_time(clip):
    engine = Eyes({2: ("Bo", -0.5), 5: ("Ann", -0.1), 4: ("Cy", -0.9)}, likely={2: -0.1, 5: -0.2, 4: -0.3})
    path = clip(6)
    (answer,) = said(watch(engine, [path], ["Who?"], top=3))
    assert (answer.text, answer.job.places[0].uri) == ("Ann", f"{path}#t=16,20")
    assert [place.uri for place in answer.evidence] == [f"{path}#t=16,20"]
    assert sorted(window for kind, window in engine.looked if kind == "read") == [2, 4, 5]
    assert sum(kind == "glance" for kind, _ in engine.looked) == 6
    assert answer.confidence == pytest.approx(np.exp(-0.1))
    assert "Of the 6 windows" in answer.warnings[0]


def test_with_all_every_window_is_read_and_none_is_ranked(clip):
    engine = Eyes({6: ("Ann", -0.001)})
    (answer,) = said(watch(engine, [clip(6)], ["Who?"], top=None))
    assert answer.text == "Ann" and {kind for kind, _ in engine.looked} == {"read"} and not answer.warnings


def test_what_no_window_shows_is_not_found(clip):
    says = dict.fromkeys(range(1, 5), ("Not found.", -0.1))
    (answer,) = said(watch(Eyes(says), [clip(4)], ["Who?"], refusals=["Not found."]))
    assert (answer.text, answer.evidence, answer.job.places[0].window_s) == ("not found", (), None)


def test_two_questions_about_two_clips_are_answered_in_order(clip):
    paths = [clip(4, "a.avi"), clip(1, "b.avi"), clip(4, "c.avi")]
    answers = said(watch(Eyes(parallel=2), paths, ["Who?", "Where?"]))
    told = [(answer.job.places[0].source.path, answer.question) for answer in answers]
    assert told == [(path, question) for path in paths for question in ("Who?", "Where?")]


def test_a_question_whose_windows_all_fail_is_one_failure(clip):
    (failed,) = said(watch(Eyes(fails=range(1, 5)), [clip(4)], ["Who?"]))
    assert isinstance(failed, Failure) and failed.job is None
