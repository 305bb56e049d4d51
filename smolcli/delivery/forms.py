"""What is read, and what is asked of it, in; how answers are told apart, out: by file, page, time and question."""

from __future__ import annotations

from collections.abc import Callable

from smolcli.formats import PLAIN, Form
from smolcli.jobs import Answer


def _place(answer: Answer) -> tuple[str, ...]:
    return (answer.job.places[0].uri,)


BY_PLACE = Form(columns=_place)


def document_form(several: bool, pages: int, questions: int, expected: int) -> Form:
    """Of answers about documents. several: there are several files; pages: the most of them that one has."""
    where = _page(several)

    def columns(answer: Answer) -> tuple[str, ...]:
        return (where(answer), answer.question) if questions > 1 else (where(answer),)

    if expected == 1 and not several and pages < 2:
        return PLAIN
    return Form(columns=columns, questions=questions)


def text_form(several: bool, expected: int) -> Form:
    """Of the texts of pages."""
    return PLAIN if expected == 1 and not several else Form(heading=_page(several))


def clip_form(several: bool, windows: bool, questions: int) -> Form:
    """Of answers about clips. several: there are several files; windows: some are looked at in several windows."""

    def columns(answer: Answer) -> tuple[str, ...]:
        place = answer.job.places[0]
        path = (place.source.path,) if several else ()
        when = (place.label if place.window_s is not None else "all",) if windows else ()
        return (*path, *when, *((answer.question,) if questions > 1 else ()))

    there = {"place": several, "time": windows, "question": questions > 1}
    names = tuple(name for name, is_there in there.items() if is_there)
    ranges = windows and not several and questions <= 1
    return Form(columns=columns, questions=max(1, questions), names=names, ranges=ranges) if names else PLAIN


def camera_form(questions: int) -> Form:
    """Of answers about the windows of what goes on."""

    def columns(answer: Answer) -> tuple[str, ...]:
        return (answer.job.places[0].label, *((answer.question,) if questions > 1 else ()))

    names = ("time", "question")[: 1 + (questions > 1)]
    return Form(columns=columns, questions=max(1, questions), names=names)


def _page(several: bool) -> Callable[[Answer], str]:
    """What a page is called: its number, behind the name of its file where there are several."""

    def page(answer: Answer) -> str:
        place = answer.job.places[0]
        if len(answer.job.places) > 1:  # no page of them answers
            return place.source.path if several else "-"
        return place.uri if several else place.label

    return page
