"""Choosing tokens: greedy, temperature, top-p, seeds, and logits that are no numbers."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smolcli.datatypes import Sampling
from smolcli.engine.sampling import Sampler
from smolcli.errors import ModelError

LOGITS = st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=50).map(lambda x: np.array(x, np.float32))


def draws(sampling, logits, count=4000):
    sampler = Sampler(sampling)
    return np.bincount([sampler.choose(logits)[0] for _ in range(count)], minlength=len(logits)) / count


def logprobs(logits):
    wide = logits.astype(np.float64)
    return wide - wide.max() - np.log(np.exp(wide - wide.max()).sum())


@settings(deadline=None)
@given(logits=LOGITS)
def test_greedy_takes_the_first_largest_and_its_logprob(logits):
    token, logprob = Sampler(Sampling()).choose(logits)
    assert token == int(np.argmax(logits))
    assert logprob == pytest.approx(logprobs(logits)[token], abs=1e-4)


@settings(deadline=None)
@given(logits=LOGITS, temperature=st.floats(0.01, 100), top_p=st.floats(0, 1), seed=st.integers(0, 2**32 - 1))
def test_a_drawn_token_is_in_the_smallest_set_that_reaches_top_p(logits, temperature, top_p, seed):
    token, logprob = Sampler(Sampling(temperature, top_p, seed)).choose(logits)
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
        return [sampler.choose(logits)[0] for _ in range(20)]

    assert tokens(5) == tokens(5)
    assert tokens(5) != tokens(6)


def test_tokens_that_cannot_be_are_never_drawn():
    logits = np.array([0.0, -np.inf, 0.0, -np.inf], np.float32)
    assert draws(Sampling(2.0, seed=2), logits, 500)[[1, 3]].tolist() == [0, 0]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_logits_that_are_no_numbers_are_an_error(bad, temperature):
    with pytest.raises(ModelError, match="damaged"):
        Sampler(Sampling(temperature)).choose(np.array([1, bad, 2], np.float32))
    with pytest.raises(ModelError, match="damaged"):
        Sampler(Sampling(temperature)).choose(np.full(3, -np.inf, np.float32))
