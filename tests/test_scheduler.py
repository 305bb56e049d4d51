"""Continuous batching over a decoder of arithmetic (tests/fakes): right answers in any company, books that balance."""

from itertools import count

import numpy as np
import pytest
from fakes.decoder import VOCABULARY, FakeDecoder, alone, job, next_token, one_hot, run
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from smolcli.engine.kvcells import RETAINED, KVCells
from smolcli.engine.scheduler import Scheduler, Scored
from smolcli.errors import DoesNotFitError, EngineError, ModelError
from smolcli.generation import Generation, Piece

LONG = [7] * 40  # a prefix worth sharing


def setting(cells=200, parallel=3, batch_rows=32, fails_at=None):
    decoder = FakeDecoder(cells, KVCells.sequences(parallel), batch_rows, fails_at)
    return decoder, Scheduler(decoder, cells, parallel, batch_rows)


def answers(events):
    """key → Generation, with the pieces of each held against its text."""
    pieces, found = {}, {}
    for event in events:
        if isinstance(event, Piece):
            assert event.text
            assert event.key not in found, "a piece came after its generation"
            pieces[event.key] = pieces.get(event.key, "") + event.text
        else:
            found[event.key] = event
            assert pieces.get(event.key, "") == event.text
    return found


def check(found, prompts):
    assert sorted(found) == list(range(len(prompts)))
    for key, (values, most) in enumerate(prompts):
        text, reason, count = alone(values, most)
        assert (found[key].text, found[key].stop_reason, found[key].counts.new_tokens) == (text, reason, count)
        assert found[key].counts.prompt_tokens == len(values)


def jobs(prompts):
    return [job(key, values, most) for key, (values, most) in enumerate(prompts)]


def left_over(decoder):
    return {sequence: len(rows) for sequence, rows in decoder.kept.items() if rows}


NUMBERS = st.integers(1, 5)
PROMPT = st.tuples(
    st.sampled_from([[], LONG, LONG + [1] * 9, [8] * 50]), st.lists(NUMBERS, min_size=1, max_size=60)
).map(lambda parts: parts[0] + parts[1])


@settings(max_examples=120, deadline=None)
@given(
    prompts=st.lists(st.tuples(PROMPT, st.integers(1, 30)), max_size=12),
    parallel=st.integers(1, 5),
    batch_rows=st.integers(8, 64),
    spare=st.integers(0, 300),
)
def test_every_answer_is_the_one_it_gives_alone(prompts, parallel, batch_rows, spare):
    cells = max([len(values) + most for values, most in prompts], default=1) + spare
    decoder, scheduler = setting(cells, parallel, batch_rows)
    check(answers(run(scheduler, jobs(prompts))), prompts)
    assert len(left_over(decoder)) <= RETAINED


@settings(max_examples=60, deadline=None)
@given(
    prompts=st.lists(st.tuples(PROMPT, st.integers(1, 30)), min_size=1, max_size=8),
    events=st.integers(0, 40),
    fails_at=st.none() | st.integers(0, 30),
)
def test_after_a_failure_or_a_reader_who_left_all_is_as_before(prompts, events, fails_at):
    decoder, scheduler = setting(300, 3, 16, fails_at)
    stream = run(scheduler, jobs(prompts))
    try:
        for _ in range(events):
            next(stream, None)
    except EngineError as error:
        assert "on purpose" in error.message
    stream.close()
    decoder.fails_at = None
    assert len(left_over(decoder)) <= RETAINED
    check(answers(run(scheduler, jobs(prompts))), prompts)


def test_a_finished_answer_is_replaced_at_once():
    prompts = [([n], most) for n, most in enumerate((2, 9, 30, 3, 5, 4, 8), start=1)]
    decoder, scheduler = setting(parallel=3)
    found = answers(run(scheduler, jobs(prompts)))
    check(found, prompts)
    rows = [len(batch.positions) for batch in decoder.batches]
    total = sum(len(values) + found[key].counts.new_tokens for key, (values, _) in enumerate(prompts))
    ended = [answer.stop_reason == "end" for answer in found.values()]
    assert sum(rows) == total - (len(prompts) - sum(ended))  # the last token of a "length" answer is never decoded
    while_waiting = rows[: rows.index(min(rows))]
    assert set(while_waiting) == {3}, "a slot stood empty while prompts waited"


def test_jobs_are_pulled_only_as_room_appears():
    pulled = []

    def source():
        for key in range(6):
            pulled.append(key)
            yield job(key, [key + 1], 4)

    _, scheduler = setting(parallel=2)
    stream = run(scheduler, source())
    next(stream)
    assert len(pulled) == 2
    ended = 0
    for event in stream:
        ended += isinstance(event, Generation)
        assert len(pulled) <= ended + 2
    assert ended == 6


def test_prompts_fill_the_batch_beside_answers_in_the_making():
    decoder, scheduler = setting(cells=500, parallel=2, batch_rows=16)
    prompts = [([1, 2], 20), ([3] * 100, 5)]
    check(answers(run(scheduler, jobs(prompts))), prompts)
    both = [batch for batch in decoder.batches if len(set(batch.sequences)) == 2]
    assert any(len(batch.positions) == 16 and batch.wanted.sum() == 1 for batch in both)


def test_questions_about_the_same_media_compute_them_once():
    prompts = [(LONG * 3 + [n, n + 1], 6) for n in range(1, 6)]
    for parallel in (1, 3):
        decoder, scheduler = setting(1000, parallel)
        found = answers(run(scheduler, jobs(prompts)))
        check(found, prompts)
        cached = [found[key].counts.cached_tokens for key in range(5)]
        assert cached == [0, *[120] * 4]
        written = sum(answer.counts.new_tokens for answer in found.values())
        assert sum(len(batch.positions) for batch in decoder.batches) <= 120 + 2 * 5 + written


def test_the_same_prompt_twice_computes_one_row_again():
    _, scheduler = setting()
    first = answers(run(scheduler, [job(0, LONG, 5)]))[0]
    again = answers(run(scheduler, [job(0, LONG, 5)]))[0]
    assert first.text == again.text
    assert again.counts.cached_tokens == len(LONG) - 1


def test_a_short_common_beginning_is_not_shared():
    _, scheduler = setting()
    prompts = [([7] * 20 + [n], 3) for n in (1, 2)]
    found = answers(run(scheduler, jobs(prompts)))
    assert [answer.counts.cached_tokens for answer in found.values()] == [0, 0]


def test_shared_rows_count_once_against_the_budget():
    prompts = [(LONG * 2 + [n], 5) for n in range(1, 5)]
    decoder, scheduler = setting(
        cells=110, parallel=4
    )  # 80 shared + 4 × 6 and a little: one after another would need 344
    check(answers(run(scheduler, jobs(prompts))), prompts)
    assert max(len(set(batch.sequences)) for batch in decoder.batches) >= 3


def test_answers_wait_while_the_budget_is_spent():
    prompts = [([n] * 40, 10) for n in range(1, 6)]
    decoder, scheduler = setting(cells=101, parallel=4)
    check(answers(run(scheduler, jobs(prompts))), prompts)
    assert max(len(set(batch.sequences)) for batch in decoder.batches) == 2


def test_a_prompt_that_cannot_fit_is_an_error():
    _, scheduler = setting(cells=50)
    with pytest.raises(EngineError, match="never going to fit"):
        list(run(scheduler, [job(0, [1] * 60, 5)]))
    check(answers(run(scheduler, [job(0, [1], 5)])), [([1], 5)])


def test_an_error_of_who_makes_the_jobs_ends_the_run_and_leaves_nothing():
    def source():
        yield job(0, [1], 30)
        raise DoesNotFitError("The prompt has too many tokens.")

    decoder, scheduler = setting()
    with pytest.raises(DoesNotFitError):
        list(run(scheduler, source()))
    assert left_over(decoder) == {}


def test_closing_a_run_forgets_what_was_in_the_making():
    decoder, scheduler = setting()
    stream = run(scheduler, [job(0, [1] * 5, 30), job(1, [2] * 5, 30)])
    next(stream)
    assert left_over(decoder)
    stream.close()
    assert left_over(decoder) == {}


def test_a_finished_prompt_stays_for_the_next_question_without_its_answer():
    decoder, scheduler = setting()
    list(run(scheduler, [job(0, LONG, 9)]))
    assert list(left_over(decoder).values()) == [len(LONG)]


def test_max_tokens_is_kept_and_said():
    _, scheduler = setting()
    found = answers(run(scheduler, [job(key, [key + 1], 1) for key in range(5)]))
    assert {answer.counts.new_tokens for answer in found.values() if answer.stop_reason == "length"} == {1}


@pytest.mark.parametrize("parallel", [1, 3])
def test_the_seconds_of_all_answers_add_up_to_those_of_the_run(monkeypatch, parallel):
    clock = count()  # every look at the clock is a second later than the one before
    monkeypatch.setattr("smolcli.engine.scheduler.time.perf_counter", lambda: float(next(clock)))
    decoder, scheduler = setting(parallel=parallel)
    found = answers(run(scheduler, jobs([([key + 1] * 50, 9) for key in range(5)])))
    spent = [answer.seconds.prefill + answer.seconds.decode for answer in found.values()]
    assert sum(spent) == pytest.approx(len(decoder.batches)) and min(spent) > 0
    assert all(answer.seconds.prefill > 0 for answer in found.values())


class Stuck(FakeDecoder):
    """Says one thing for ever."""

    def decode(self, batch):
        return np.zeros_like(super().decode(batch)) + np.eye(VOCABULARY, dtype=np.float32)[5]


def test_an_answer_that_repeats_itself_is_ended_and_cut_to_one_copy():
    decoder = Stuck(3000, KVCells.sequences(2), 32)
    found = answers(run(Scheduler(decoder, 3000, 2, 32), [job(0, [1], 1000), job(1, [2], 20)]))
    assert (found[0].text, found[0].stop_reason) == ("w5", "repetition")
    assert found[0].counts.new_tokens < 100
    assert (found[1].text, found[1].stop_reason) == (" ".join(["w5"] * 20), "length")


class Broken(FakeDecoder):
    """Its third pass gives no numbers."""

    def decode(self, batch):
        return super().decode(batch) * (np.nan if len(self.batches) == 3 else 1)


def test_logits_that_are_no_numbers_end_the_run_and_leave_nothing():
    decoder = Broken(300, KVCells.sequences(2), 32)
    scheduler = Scheduler(decoder, 300, 2, 32)
    with pytest.raises(ModelError, match="damaged"):
        list(run(scheduler, [job(0, [1], 20), job(1, [2], 20)]))
    assert left_over(decoder) == {}
    check(answers(run(scheduler, [job(0, [1], 20)])), [([1], 20)])


class Books(RuleBasedStateMachine):
    """KVCells against a cache that knows better: what is reserved is never less than what is there."""

    CELLS = 400

    def __init__(self):
        super().__init__()
        self.store = FakeDecoder(self.CELLS, KVCells.sequences(4), 10_000)
        self.kv = KVCells(self.store, self.CELLS, 4)
        self.living = []

    @precondition(lambda self: len(self.living) < 4)
    @rule(values=PROMPT, new=st.integers(1, 40))
    def claim(self, values, new):
        identity = np.array(values, np.int64)
        source, shared = self.kv.best_prefix(identity[: len(values) - 1])
        sequence = self.kv.claim(identity, new, source, shared)
        if sequence is None:
            assert self.living, "there is room, but the claim was refused"
            return
        rows = np.array(values[sequence.shared :] + [99] * new, np.float32)[:, None]
        have = len(self.store.kept[sequence.id])
        assert have == sequence.shared
        self.write(sequence, rows, have)
        self.living.append(sequence)

    def write(self, sequence, rows, have):
        from smolcli.engine.batching import Batch

        positions = np.arange(have, have + len(rows), dtype=np.int32)
        self.store.decode(Batch(rows, positions, [sequence.id] * len(rows), np.zeros(len(rows), bool)))

    @precondition(lambda self: self.living)
    @rule(data=st.data())
    def retire(self, data):
        sequence = self.living.pop(data.draw(st.integers(0, len(self.living) - 1)))
        self.kv.retire(sequence)
        if self.store.kept[sequence.id]:
            assert [cell.value for cell in self.store.kept[sequence.id]] == sequence.identity.tolist()

    @precondition(lambda self: self.living)
    @rule(data=st.data())
    def drop(self, data):
        self.kv.drop(self.living.pop(data.draw(st.integers(0, len(self.living) - 1))))

    @invariant()
    def the_books_balance(self):
        assert self.store.used == self.kv._used() <= self.CELLS
        assert all(sequence.shared >= 0 and sequence.owned >= 0 for sequence in self.kv._living + self.kv._retained)


TestBooks = Books.TestCase
TestBooks.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def scored(key, values, continuation):
    one = job(key, values + continuation[:-1], 0)
    one.scored_rows = len(continuation)
    return one


@settings(max_examples=60, deadline=None)
@given(
    values=PROMPT,
    continuations=st.lists(st.lists(NUMBERS, min_size=1, max_size=20), min_size=1, max_size=5),
    writers=st.lists(st.tuples(PROMPT, st.integers(1, 20)), max_size=3),
    batch_rows=st.integers(8, 64),
    outputs=st.integers(3, 12),
)
def test_scores_are_of_every_step_and_disturb_no_answer(values, continuations, writers, batch_rows, outputs):
    decoder = FakeDecoder(2000, KVCells.sequences(3), batch_rows)
    scheduler = Scheduler(decoder, 2000, 3, batch_rows, outputs)
    both = jobs(writers) + [scored(100 + n, values, ids) for n, ids in enumerate(continuations)]
    events = list(run(scheduler, both))
    found = {event.key: event.logits for event in events if isinstance(event, Scored)}
    check(answers(event for event in events if not isinstance(event, Scored)), writers)
    for n, ids in enumerate(continuations):
        want = [one_hot(next_token(values + ids[:k])) for k in range(len(ids))]
        assert np.array_equal(found[100 + n], want)
    assert max(int(batch.wanted.sum()) for batch in decoder.batches) <= outputs


def test_continuations_of_one_prompt_read_it_once():
    decoder, scheduler = setting(1000)
    list(run(scheduler, [scored(n, LONG * 3, [n + 1, n + 2]) for n in range(4)]))
    assert sum(len(batch.positions) for batch in decoder.batches) <= 120 + 1 + 3 * 2


def test_a_cancelled_job_says_nothing_more_and_the_others_go_on():
    decoder, scheduler = setting()
    assert all(scheduler.add(one) for one in (job(0, [1] * 5, 30), job(1, [2] * 5, 30)))
    before = scheduler.step() + scheduler.step()
    scheduler.cancel(0)
    events = [event for event in before if event.key == 1]
    while scheduler:
        events += scheduler.step()
    assert {event.key for event in events} == {1}
    check_one = answers(events)[1]
    assert (check_one.text, check_one.stop_reason) == alone([2] * 5, 30)[:2]
    assert len(left_over(decoder)) == 1


def test_a_full_house_refuses_the_next_job_until_one_has_ended():
    _, scheduler = setting(parallel=2)
    assert scheduler.add(job(0, [1], 1)) and scheduler.add(job(1, [2], 1))
    assert not scheduler.has_room and not scheduler.add(job(2, [3], 1))
    while len(scheduler) == 2:
        scheduler.step()
    assert scheduler.has_room and scheduler.add(job(2, [3], 1))


def test_the_ids_of_an_answer_are_its_words():
    _, scheduler = setting()
    [answer] = answers(run(scheduler, [job(0, [3, 4], 12)])).values()
    assert " ".join(f"w{token}" for token in answer.ids) == answer.text
    assert len(answer.ids) == answer.counts.new_tokens


def test_an_answer_that_ignores_its_end_is_as_long_as_it_may_be():
    _, scheduler = setting(cells=700)
    ends = next(n for n in count() if alone([n % 50 + 1, n], 300)[1] == "end")
    endless = job(0, [ends % 50 + 1, ends], 300)
    endless.ignore_eos = True
    found = answers(run(scheduler, [endless, job(1, [ends % 50 + 1, ends], 300)]))
    assert (found[0].stop_reason, found[0].counts.new_tokens) == ("length", 300)
    assert found[1].stop_reason == "end" and found[1].counts.new_tokens < 300


def test_as_many_answers_at_once_as_llama_cpp_has_sequences():
    """With 256 of them none is left for a finished prompt to stay in."""
    prompts = [([n % 200 + 1, 3], 2) for n in range(300)]
    decoder, scheduler = setting(cells=2000, parallel=256, batch_rows=512)
    assert len(decoder.kept) == 256
    check(answers(run(scheduler, jobs(prompts))), prompts)
    assert not left_over(decoder)
