"""Work of several steps: order, waiting, failures and interruptions, with an engine that answers as it is told."""

from contextlib import closing

import pytest
from drawing import draw_text
from fakes.engine import FACTS, FakeEngine

from smolcli.datatypes import Place, Sampling
from smolcli.errors import DoesNotFitError, SmolError
from smolcli.generation import Piece
from smolcli.jobs import Answer, Expected, Failure, Job, Look, Question, Words
from smolcli.run import Access, OpenFiles, RunOptions, run
from smolcli.verbs.stepwise import Stepwise, Task, answers


@pytest.fixture
def pictures(tmp_path):
    return [draw_text(tmp_path / f"{n}.png", str(n), (40, 30), 20) and str(tmp_path / f"{n}.png") for n in range(6)]


@pytest.fixture
def files():
    with closing(OpenFiles(FACTS, 1000)) as opened:
        yield opened


def job(place, text):
    return Job((place,), Question(Words(), text), Look("low"), Sampling(max_tokens=5))


def place_of(files, path):
    with files.hold(path, Look("low"), Access()) as media:
        return media.places[0]


def tasks(files, pictures, steps):
    for number, path in enumerate(pictures):
        place = place_of(files, path)
        yield Task(job(place, f"task {number}"), steps(number, place))


def outcomes(files, made, engine, **options):
    work, heard = Stepwise(files), []
    events = run(work.jobs(made), engine, files, RunOptions(**options))
    said = [event for event in work.results(events, heard.append) if isinstance(event, Answer | Failure)]
    assert heard == said
    return [each.question if isinstance(each, Answer) else each.error for each in said]


def two_steps(number, place: Place):
    first = answers((yield [job(place, f"{number} a"), job(place, f"{number} b")]))
    assert [answer.question for answer in first] == [f"{number} a", f"{number} b"]
    (second,) = answers((yield [job(place, f"{number} after {len(first)}")]))
    return [second]


@pytest.mark.parametrize("threads", [0, 2])
def test_a_step_is_made_of_the_answers_to_the_one_before_and_tasks_come_in_order(files, pictures, threads):
    engine = FakeEngine(parallel=4)
    said = outcomes(files, tasks(files, pictures, two_steps), engine, threads=threads)
    assert said == [f"{number} after 2" for number in range(6)]
    assert len(engine.seen) == 18


def test_a_task_that_takes_no_step_keeps_its_turn(files, pictures):
    done = Answer(job(place_of(files, pictures[0]), "known"), (), "fake", None)
    made = [*tasks(files, pictures[:2], two_steps), done, *tasks(files, pictures[2:3], two_steps)]
    assert outcomes(files, made, FakeEngine(parallel=2)) == ["0 after 2", "1 after 2", "known", "0 after 2"]


def test_a_task_whose_job_fails_is_one_failure_and_the_others_go_on(files, pictures):
    said = outcomes(files, tasks(files, pictures[:3], two_steps), FakeEngine(refuse=[1]))
    assert said == ["DoesNotFitError", "1 after 2", "2 after 2"]


def test_a_failing_task_is_named_by_its_place_and_not_by_a_part_of_it(files, pictures):
    work = Stepwise(files)
    events = run(work.jobs(tasks(files, pictures[:1], two_steps)), FakeEngine(refuse=[0]), files, RunOptions())
    (failed,) = [event for event in work.results(events, lambda outcome: None) if isinstance(event, Failure)]
    assert (failed.source, failed.place, failed.job) == (pictures[0], pictures[0], None)


def test_with_fail_fast_the_first_failure_is_said_and_ends_the_run(files, pictures):
    engine = FakeEngine(refuse=[0])
    assert outcomes(files, tasks(files, pictures, two_steps), engine, fail_fast=True) == ["DoesNotFitError"]


def test_an_error_between_steps_is_a_failure(files, pictures):
    def breaking(number, place):
        yield [job(place, "first")]
        raise DoesNotFitError("It does not.")

    assert outcomes(files, tasks(files, pictures[:2], breaking), FakeEngine()) == ["DoesNotFitError"] * 2


def test_a_file_that_has_gone_when_its_turn_comes_is_a_failure(files, pictures, tmp_path):
    made = list(tasks(files, pictures[:2], two_steps))
    (tmp_path / "0.png").unlink()
    assert outcomes(files, made, FakeEngine()) == ["MediaError", "1 after 2"]


def test_what_is_thrown_in_reaches_the_run_and_what_was_finished_was_said(files, pictures):
    work = Stepwise(files)
    events = run(work.jobs(tasks(files, pictures, two_steps)), FakeEngine(), files, RunOptions())
    said = []
    with closing(work.results(events, said.append)) as results, pytest.raises(SmolError, match="stop"):
        for event in results:
            if isinstance(event, Answer):
                results.throw(SmolError("stop"))
    assert [each.question for each in said] == ["0 after 2"]


def test_expectations_pass_through(files):
    work = Stepwise(files)
    events = run(work.jobs([Expected(3)]), FakeEngine(), files, RunOptions())
    assert list(work.results(events, lambda outcome: None)) == [Expected(3)]


def told(number, place: Place):
    """Two parts that are said as they come, then what they come to."""
    parts = yield [job(place, f"{number} a"), job(place, f"{number} b")]
    (whole,) = answers((yield [job(place, f"{number} from {len(parts)}")]))
    return [whole]


def told_tasks(files, pictures):
    for task in tasks(files, pictures, told):
        task.at_once = lambda asked: "from" not in asked.question.text
        yield task


@pytest.mark.parametrize("at_once", [1, 3])
def test_what_is_said_as_it_comes_is_said_in_the_order_of_the_tasks(files, pictures, at_once):
    work, said = Stepwise(files, at_once), []
    events = run(work.jobs(told_tasks(files, pictures[:3])), FakeEngine(parallel=4, refuse=[1]), files, RunOptions())
    for event in work.results(events, lambda outcome: None):
        if isinstance(event, Answer):
            said.append(event.question)
        elif isinstance(event, Failure):
            said.append(event.error)
    assert len(said) == 9 and said.count("DoesNotFitError") == 1
    assert [each[0] for each in said if each != "DoesNotFitError"] == sorted(
        each[0] for each in said if each != "DoesNotFitError"
    )
    assert said[2::3] == ["0 from 2", "1 from 2", "2 from 2"]


def test_letters_of_a_part_that_is_said_at_once_come_before_it_and_no_others(files, pictures):
    work, heard = Stepwise(files, 1), []
    events = run(work.jobs(told_tasks(files, pictures[:2])), FakeEngine(), files, RunOptions())
    for event in work.results(events, lambda outcome: None):
        if isinstance(event, Piece):
            heard.append(event.text)
        elif isinstance(event, Answer):
            assert ("from" in event.question) == (not heard)
            assert "".join(heard) in ("", event.text)
            heard.clear()
