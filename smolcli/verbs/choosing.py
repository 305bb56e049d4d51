"""What several parts of a file were answered with goes in, the one answer to give comes out, or that there is none."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import replace

from smolcli.jobs import Answer

YES, NO = "yes", "no"  # what a question that ranks or tests is answered with
NOT_FOUND = "not found"  # what is said where no page answers
# How models say that a page does not answer, from the beginning of an answer.
_NOTHING = re.compile(
    r"""\W*(?:
        (?:it\ (?:is|was)\ )?not\ (?:found|given|stated|specified|mentioned|provided|present|available|visible|shown)
      | (?:there|this|it)\ (?:is|are)\ no(?:t\ enough|t\ any|ne)?\b
      | no\ (?:answer|such|information|mention|text|data)\b
      | (?:the\ |this\ )?(?:\w+\ ){1,6}(?:is|are|was|were|does|do)(?:\ not|n't)\ (?:\w+\ )?
        (?:found|given?|stated?|specif\w+|mention(?:ed)?|provided?|present|available|visible|shown?|contain|say|include)
      | (?:i\ )?(?:cannot|can't|can\ not|could\ not|couldn't|am\ unable|unable|don't\ know|do\ not\ know)\b
      | unanswerable | unknown\W*$ | n/?a\W*$ | none\W*$
    )""",
    re.IGNORECASE | re.VERBOSE,
)


def confidence_of(answer: Answer) -> float:
    """How sure the model was, 0 to 1: the geometric mean of its tokens' probabilities; of a choice, its share."""
    if answer.choices is not None:
        return answer.choices.get(answer.text, 0.0)
    return math.exp(answer.generation.mean_logprob or 0.0)


def likely_of(answer: Answer) -> float:
    """How likely yes is, of an answer that had to be yes or no."""
    return (answer.choices or {}).get(YES, 0.0)


def says_nothing(answer: Answer, refusals: Sequence[str] = ()) -> bool:
    """Whether an answer says that the page does not tell. refusals: the model's own sentences for that."""
    if answer.choices is not None:
        return False
    if answer.data is not None:
        return _is_empty(answer.data)
    text = answer.text.strip()
    return not text or text in refusals or _NOTHING.match(text) is not None


def best_of(made: Sequence[Answer], refusals: Sequence[str] = ()) -> Answer:
    """The answer that is likeliest right: one that says nothing loses to one that does not, then the surest is taken.

    The first of equals, so that pages keep their rank.
    """
    return max(made, key=lambda answer: (not says_nothing(answer, refusals), confidence_of(answer)))


def filled(best: Answer, made: Sequence[Answer]) -> Answer:
    """An answer of several values, with those that it lacks and another page has: the surest page's first."""
    if not isinstance(best.data, dict):
        return best
    data = dict(best.data)
    for answer in sorted(made, key=confidence_of, reverse=True):
        others = answer.data if isinstance(answer.data, dict) else {}
        data |= {name: value for name, value in others.items() if _is_empty(data.get(name)) and not _is_empty(value)}
    if data == best.data:
        return best
    text = json.dumps(data, ensure_ascii=False, allow_nan=False)
    return replace(best, data=data, generation=replace(best.generation, text=text))


def _is_empty(data: object) -> bool:
    """Whether parsed data holds no value."""
    if isinstance(data, dict):
        return all(_is_empty(value) for value in data.values())
    return data is None or data == []
