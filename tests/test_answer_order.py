"""Answers that finish out of order come in order; none that is finished gets lost."""

import pytest

from smolcli.datatypes import Answer, Counts, Failure, Generation, Place, Seconds, Source
from smolcli.errors import EngineError
from smolcli.tasks.pages import in_order


def answer(key):
    generation = Generation(key, str(key), "end", Counts(1, 1, 1), Seconds(), -0.5)
    return Answer((Place(Source("a.pdf", "page", "0" * 64), key, page=key + 1),), "ask", "?", str(key), "n", generation)


def refused(key):
    return Failure("a.pdf", "DoesNotFitError", "It does not fit.", "", 5, key)


def generated(events, error=None):
    yield from events
    if error is not None:
        raise error


def keys(events):
    return [event.generation.key if isinstance(event, Answer) else event for event in events]


def test_answers_come_in_the_order_of_their_requests():
    assert keys(in_order(generated(map(answer, (2, 0, 3, 1))))) == [0, 1, 2, 3]


def test_a_request_that_is_refused_holds_no_later_answer_back():
    assert keys(in_order(generated([answer(1), refused(0), answer(2)]))) == [refused(0), 1, 2]


def test_a_file_that_could_not_be_opened_is_said_at_once():
    unread = Failure("b.pdf", "MediaError", "It is empty.", "", 3)
    assert keys(in_order(generated([answer(1), unread, answer(0)]))) == [unread, 0, 1]


def test_what_is_finished_comes_out_when_the_engine_fails():
    events, seen = in_order(generated([answer(2), answer(1)], EngineError("It failed."))), []
    with pytest.raises(EngineError):
        seen.extend(events)
    assert keys(seen) == [1, 2]


def test_what_is_finished_comes_out_when_the_run_is_told_to_end():
    def run():
        yield from map(answer, (3, 2, 0, 1, 4))
        pytest.fail("the run went on")

    events = in_order(run())
    seen = [next(events), events.throw(EngineError("Ended."))]
    with pytest.raises(EngineError):
        seen.extend(events)
    assert keys(seen) == [0, 2, 3]
