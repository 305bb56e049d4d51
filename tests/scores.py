"""What an engine's scores are held against: reference logits, greedy tokens, and how clear a choice of a token was.

Sums of another order (another batch, another device, another build of llama.cpp) move every logit a little. Where two
tokens are closer than that, either may be written: a close call. No test may hang on one, and none may be excused
that is not one.
"""

import numpy as np

CLOSE_CALL = 0.5  # logits


def as_logits(logprobs, reference):
    """Log-probabilities (n, vocabulary) as logits: with the reference's sum, the one thing that softmax leaves out."""
    top = reference.max(axis=-1, keepdims=True)
    return logprobs + top + np.log(np.exp(reference - top).sum(axis=-1, keepdims=True))


def greedy(engine, turns, count):
    """The likeliest tokens one after another, past any end, and log-probabilities (count, vocabulary) before each."""
    ids = []
    for _ in range(count):
        [logprobs] = engine.score(turns, [[*ids, 0]])
        ids.append(int(logprobs[-1].argmax()))
    return ids, logprobs


def margins(engine, turns, ids):
    """How far the likeliest token is ahead of the next, float32 (len(ids) + 1,): before each id, and after the last."""
    [logprobs] = engine.score(turns, [[*ids, 0]])
    first_two = np.sort(logprobs, axis=-1)[:, -2:]
    return first_two[:, 1] - first_two[:, 0]


def margin_where_they_part(engine, turns, one, other):
    """The margin at the first token in which two greedy answers (ids) to the same turns differ; None if in none."""
    if one == other:
        return None
    common = next((step for step, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), None)
    common = min(len(one), len(other)) if common is None else common
    return float(margins(engine, turns, one[:common])[-1])


def differ_by_close_calls_at_most(engine, turns, one, other):
    """Whether two greedy answers are the same, or part where the choice was no clear one."""
    margin = margin_where_they_part(engine, turns, one, other)
    return margin is None or margin < CLOSE_CALL
