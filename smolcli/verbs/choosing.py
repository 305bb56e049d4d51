"""What several parts of a file were answered with goes in, the one answer to give comes out, or that there is none."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

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
    """The answer that is likeliest right: one that says nothing loses to one that does not, then the surest is taken;
    of several values, first the one that has the most of them, for a page that tells nothing says so surely.

    The first of equals, so that pages keep their rank.
    """
    return max(made, key=lambda each: (not says_nothing(each, refusals), _values_of(each), confidence_of(each)))


def _values_of(answer: Answer) -> int:
    """How many values were found, those not counted about which something is odd; 0 for a text."""
    return len(names_of(answer.data)) - len(answer.warnings) if isinstance(answer.data, dict) else 0


def names_of(data: object, name: str = "", empty: bool = False) -> list[str]:
    """The names of the values that parsed data holds ("vendor.name"). empty: of those that were not found, too."""
    if isinstance(data, dict):
        named = ((f"{name}.{key}" if name else key, value) for key, value in data.items())
        return [each for inner, value in named for each in names_of(value, inner, empty)]
    return [name] if empty or not _is_empty(data) else []


Taken = tuple[Answer, dict[str, Any]]  # the answer about a page, and those of its values that count


def filled(best: Answer, made: Sequence[Answer]) -> tuple[Answer, list[Taken]]:
    """An answer of several values, with those that it lacks and another page has: the surest page's first.

    And what was taken of which page, its own values first.
    """
    if not isinstance(best.data, dict):
        return best, []
    data: dict[str, Any] = best.data
    parts = [(best, data)]
    for answer in sorted(made, key=confidence_of, reverse=True):
        if isinstance(answer.data, dict):
            data, taken = _completed(data, answer.data)
            parts += [(answer, taken)] if taken else []
    if len(parts) == 1:
        return best, parts
    text = json.dumps(data, ensure_ascii=False, allow_nan=False)
    return replace(best, data=data, generation=replace(best.generation, text=text)), parts


def _completed(data: dict[str, Any], other: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Values, with those of others that are lacking; and what that was."""
    whole, taken = dict(data), dict[str, Any]()
    for name, value in other.items():
        own = whole.get(name)
        if isinstance(own, dict) and isinstance(value, dict):
            whole[name], found = _completed(own, value)
            taken |= {name: found} if found else {}
        elif _is_empty(own) and not _is_empty(value):
            whole[name] = taken[name] = value
    return whole, taken


def _is_empty(data: object) -> bool:
    """Whether parsed data holds no value."""
    if isinstance(data, dict):
        return all(_is_empty(value) for value in data.values())
    return data is None or data == []
