"""Choosing tokens: greedy, temperature, top-p, seeds, and logits that are no numbers."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain.sampling import Sampler as PlainSampler

from smolcli.datatypes import Sampling
from smolcli.engine import sampling as module
from smolcli.engine.sampling import RowSampling, Sampler
from smolcli.errors import ModelError

LOGITS = st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=50).map(lambda x: np.array(x, np.float32))


def choose(sampler, logits):
    return RowSampling().choose(logits[None], [sampler])[0]


def draws(sampling, logits, count=4000):
    sampler = Sampler(sampling)
    return np.bincount([choose(sampler, logits)[0] for _ in range(count)], minlength=len(logits)) / count


def logprobs(logits):
    wide = logits.astype(np.float64)
    return wide - wide.max() - np.log(np.exp(wide - wide.max()).sum())


@settings(deadline=None)
@given(logits=LOGITS)
def test_greedy_takes_the_first_largest_and_its_logprob(logits):
    token, logprob = choose(Sampler(Sampling()), logits)
    assert token == int(np.argmax(logits))
    assert logprob == pytest.approx(logprobs(logits)[token], abs=1e-4)


@settings(deadline=None)
@given(logits=LOGITS, temperature=st.floats(0.01, 100), top_p=st.floats(0, 1), seed=st.integers(0, 2**32 - 1))
def test_a_drawn_token_is_in_the_smallest_set_that_reaches_top_p(logits, temperature, top_p, seed):
    token, logprob = choose(Sampler(Sampling(temperature, top_p, seed)), logits)
    weights = np.exp(logprobs(logits.astype(np.float64) / temperature))
    assert weights[weights > weights[token]].sum() < top_p + 1e-6 or weights[token] == weights.max()
    assert logprob == pytest.approx(logprobs(logits)[token], abs=1e-4)  # at temperature 1, whatever was drawn


def test_draws_follow_the_softmax():
    logits = np.log(np.array([0.5, 0.3, 0.15, 0.05], np.float32))
    assert draws(Sampling(temperature=1.0, seed=7), logits) == pytest.approx([0.5, 0.3, 0.15, 0.05], abs=0.03)


def test_a_low_temperature_sharpens_and_a_high_one_flattens():
    logits = np.array([1.0, 0.0], np.float32)
    for temperature in (0.3, 1.0, 5.0):
        want = 1 / (1 + math.exp(-1 / temperature))
        assert draws(Sampling(temperature=temperature, seed=1), logits)[0] == pytest.approx(want, abs=0.03)


def test_top_p_leaves_out_the_tail():
    logits = np.log(np.array([0.5, 0.3, 0.15, 0.05], np.float32))
    assert draws(Sampling(1.0, 0.7, 3), logits) == pytest.approx([0.625, 0.375, 0, 0], abs=0.03)
    assert draws(Sampling(1.0, 0.0, 3), logits).tolist() == [1, 0, 0, 0]


def test_the_same_seed_draws_the_same_and_another_does_not():
    logits = np.zeros(1000, np.float32)

    def tokens(seed):
        sampler = Sampler(Sampling(1.0, seed=seed))
        return [choose(sampler, logits)[0] for _ in range(20)]

    assert tokens(5) == tokens(5)
    assert tokens(5) != tokens(6)


def test_tokens_that_cannot_be_are_never_drawn():
    logits = np.array([0.0, -np.inf, 0.0, -np.inf], np.float32)
    assert draws(Sampling(2.0, seed=2), logits, 500)[[1, 3]].tolist() == [0, 0]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_logits_that_are_no_numbers_are_an_error(bad, temperature):
    good = np.array([1, 0, 2], np.float32)
    samplers = [Sampler(Sampling(temperature)), Sampler(Sampling())]
    for row in ([1, bad, 2], [-math.inf] * 3):
        with pytest.raises(ModelError, match="damaged"):
            RowSampling().choose(np.array([good, row], np.float32), samplers)


class Sieve:
    """A grammar that allows some tokens, whatever came before."""

    def __init__(self, allowed):
        self._allowed = np.array(allowed)

    def allowed(self, ids):
        return self._allowed[ids]


SAMPLING = st.builds(
    Sampling,
    st.sampled_from([0.0, 0.0, 0.01, 0.7, 1.0, 5.0]),
    st.sampled_from([0.0, 0.3, 0.9, 1.0]),
    st.integers(0, 99),
)


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    width=st.sampled_from([1, 2, 7, 130, 2000]),
    rows=st.lists(st.tuples(SAMPLING, st.sampled_from([None, 0.0, 0.005, 0.5])), min_size=1, max_size=9),
    spread=st.sampled_from([0.1, 1, 8]),
    ties=st.booleans(),
)
def test_a_step_chooses_what_each_row_chooses_by_the_plain_definition(seed, width, rows, spread, ties):
    rng = np.random.default_rng(seed)
    grammars = [None if share is None else Sieve(rng.random(width) < share) for _, share in rows]
    samplers = [Sampler(sampling, grammar) for (sampling, _), grammar in zip(rows, grammars, strict=True)]
    plain = [PlainSampler(sampling, grammar) for (sampling, _), grammar in zip(rows, grammars, strict=True)]
    together = RowSampling()
    for _ in range(3):
        logits = rng.normal(0, spread, (len(rows), width)).astype(np.float32)
        logits = np.round(logits) if ties else logits  # then the lower id comes first
        want = [sampler.choose(row) for sampler, row in zip(plain, logits, strict=True)]
        got = together.choose(logits, samplers)
        assert [each and each[0] for each in got] == [each and each[0] for each in want]
        assert [each[1] for each in got if each] == pytest.approx([each[1] for each in want if each], abs=1e-5)


@pytest.mark.parametrize("threads", [1, 3])
def test_a_large_step_is_shared_out_and_comes_to_the_same(monkeypatch, threads):
    monkeypatch.setattr(module, "physical_cores", lambda: threads)
    logits = np.random.default_rng(5).normal(0, 4, (37, 49280)).astype(np.float32)
    got = RowSampling().choose(logits, [Sampler(Sampling()) for _ in logits])
    assert [token for token, _ in got] == logits.argmax(axis=1).tolist()
    assert [found for _, found in got] == pytest.approx([logprobs(row).max() for row in logits], abs=1e-5)
