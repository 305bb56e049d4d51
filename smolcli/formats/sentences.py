"""An answer or a failure in, one sentence about it out, for whoever watches the run."""

from __future__ import annotations

import re

from smolcli.jobs import Answer, Failure


def failure_sentence(failure: Failure) -> str:
    """What has failed, where, and the way out."""
    return f"error: {_named(failure)} {failure.hint}".strip()


def answer_sentence(answer: Answer) -> str:
    """What an answer is about, and what it took."""
    made, what = answer.generation, ", ".join(dict.fromkeys(place.label for place in answer.places))
    known = "known from an earlier run, " if answer.cached else ""
    return (
        f"answer about {what or 'no media'}: {known}{made.counts.prompt_tokens} tokens read, {made.counts.encodes} "
        f"encodes, {made.counts.new_tokens} tokens written, stopped by {made.stop_reason}{_likelihoods(answer)}"
    )


def _likelihoods(answer: Answer) -> str:
    """Of choices, how likely each was."""
    likely = sorted((answer.choices or {}).items(), key=lambda choice: -choice[1])
    return "".join(f"; {choice} {100 * share:.1f} %" for choice, share in likely)


def _named(failure: Failure) -> str:
    """Its sentence, which says of several files and pages the one that it is about."""
    name = "Standard input" if failure.source == "-" else repr(failure.source)
    known = not failure.source or name.strip("'") in failure.message or failure.source in failure.message
    where = [] if known else [name]
    page = re.search(r"\bpage=([0-9]+)", failure.place.removeprefix(failure.source))
    if page and not re.search(rf"\bpage {page[1]}\b", failure.message, re.IGNORECASE):
        where.append(f"page {page[1]}")
    return ": ".join([", ".join(where), failure.message] if where else [failure.message])
