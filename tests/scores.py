"""What an engine's scores are held against: log-probabilities of reference logits, and greedy tokens."""

import numpy as np


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
