"""One page goes in; the jobs that reading it takes come out, step by step, and at last what it was read as.

steps = read_page(view)
jobs = next(steps); jobs = steps.send(outcomes)  ...  StopIteration.value: PageReading
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace

from smolcli import doctags
from smolcli.jobs import Answer, Job
from smolcli.regions import PageReading, Region, TextFrom
from smolcli.verbs.ocr.joining import Pieces, merged, regions_of, whole_block
from smolcli.verbs.ocr.sheets import Filled, fill_sheets, lines_of, said, said_by_one
from smolcli.verbs.ocr.view import MARGIN, SURE, Turned, View, confidence
from smolcli.verbs.stepwise import Outcome, answers

PIECE_TOKENS = 24  # that a piece of a line may be answered with
Known = dict[Job, Answer]
Warned = tuple[PageReading, tuple[str, ...]]  # and sentences about what was odd
PageSteps = Generator[list[Job], Sequence[Outcome], Warned]
Reading = Generator[list[Job], Sequence[Outcome], tuple[Region, ...]]


def read_page(view: View) -> PageSteps:
    """Read a page with the model, or what its own text leaves of it. Raises StepError, MediaError."""
    page, known = yield from _upright(view)
    regions: tuple[Region, ...] = ()
    own = view.layer.regions if view.layer is not None else ()
    if view.form.doctags and not own and not page.layout.is_blank:
        return (yield from _as_markup(view, page))
    if not page.layout.is_blank:
        layout = "blocks" if own and view.form.layout == "page" else view.form.layout
        read = {"lines": _by_lines, "blocks": _by_blocks, "page": _as_a_whole}[layout]
        regions = yield from read(view, page, known)
    text_from: TextFrom = "mixed" if own and regions else "layer" if own else "model" if regions else ""
    turned = page.look.turn, page.look.skew_deg
    return PageReading(text_from, merged(own, regions), page.page_px, *turned), ()


def _upright(view: View) -> Generator[list[Job], Sequence[Outcome], tuple[Turned, Known]]:
    """Turn the page until a part of it reads like words, the likeliest way first; the answers that this took.

    Where only one way is possible none is waited for: all of the page is asked at once.
    """
    known: Known = {}
    best: tuple[float, Turned] | None = None
    turns = view.turns()
    for turn in turns:
        page = view.turned(turn)
        if len(turns) == 1 or page.layout.is_blank or view.form.doctags:
            return page, known
        probe = _probe(view, page)
        (answer,) = answers((yield [probe]))
        known[probe] = answer
        said_something = next(lines_of(answer.generation, view.form.nothing), None) is not None
        read = (
            confidence(answer) if said_something else 0.0
        )  # where there is print, an answer of nothing is no sure one
        if best is None:
            best = min(read + MARGIN, SURE) if read < SURE else read, page
        elif read > best[0]:
            best = read, page
        if read >= SURE:
            break
    assert best is not None
    return best[1], known


def _probe(view: View, page: Turned) -> Job:
    """A part of the page by which to see whether it stands upright: one that is read anyway, if it does."""
    if view.form.layout == "lines":
        sheets = fill_sheets(page.lines, page.size_px, view.form)
        return _sheet_job(view, page, sheets[len(sheets) // 2])
    largest = max(page.layout.blocks, key=lambda block: len(block.lines))
    return page.job(view, [largest.box_px], page.look, view.template.sampling.max_tokens)


def _sheet_job(view: View, page: Turned, filled: Filled) -> Job:
    look = replace(page.look, detail="low", sheet=filled.sheet)
    return page.job(view, [piece.box_px for piece in filled.pieces], look, PIECE_TOKENS * (1 + len(filled.pieces)))


def _ask(jobs: Sequence[Job], known: Known) -> Generator[list[Job], Sequence[Outcome], list[Answer]]:
    """The answers to jobs; those that are known are not asked again."""
    wanted = [job for job in jobs if job not in known]
    if wanted:
        known |= dict(zip(wanted, answers((yield wanted)), strict=True))
    return [known[job] for job in jobs]


def _by_lines(view: View, page: Turned, known: Known) -> Reading:
    """Lines in pieces, a few to a sheet. A sheet whose answer has another number of lines is read piece by piece."""
    nothing, sheets = view.form.nothing, fill_sheets(page.lines, page.size_px, view.form)
    made = yield from _ask([_sheet_job(view, page, sheet) for sheet in sheets], known)
    reads = [said(answer.generation, len(sheet.pieces), nothing) for answer, sheet in zip(made, sheets, strict=True)]
    doubtful = [
        Filled(sheet.sheet, (piece,))
        for sheet, read in zip(sheets, reads, strict=True)
        if read is None
        for piece in sheet.pieces
    ]
    again = yield from _ask([_sheet_job(view, page, sheet) for sheet in doubtful], known)
    alone = iter([said_by_one(answer.generation, nothing) for answer in again])
    texts: list[Pieces] = [[] for _ in page.lines]
    for sheet, read in zip(sheets, reads, strict=True):
        for number, piece in enumerate(sheet.pieces):
            texts[piece.line] = [*texts[piece.line], (piece, next(alone) if read is None else read[number])]
    return regions_of(page, texts)


def _by_blocks(view: View, page: Turned, known: Known) -> Reading:
    """Every block as a picture of its own."""
    blocks = [block for block in page.layout.blocks if block.lines]
    most = view.template.sampling.max_tokens
    made = yield from _ask([page.job(view, [block.box_px], page.look, most) for block in blocks], known)
    found = [
        whole_block(page, block.lines, list(lines_of(answer.generation, view.form.nothing)))
        for block, answer in zip(blocks, made, strict=True)
    ]
    return tuple(region for region in found if region is not None)


def _as_a_whole(view: View, page: Turned, known: Known) -> Reading:
    """The page as one picture; its lines are where lines were found, as far as they are as many."""
    del known
    whole = (0, 0, *page.size_px)
    job = page.job(view, [whole], page.look, view.template.sampling.max_tokens)
    (answer,) = yield from _ask([job], {})
    region = whole_block(page, page.lines, list(lines_of(answer.generation, view.form.nothing)))
    return () if region is None else (region,)


def _as_markup(view: View, page: Turned) -> PageSteps:
    """The page as one picture, of which the model writes the blocks with their places."""
    job = page.job(view, [(0, 0, *page.size_px)], page.look, view.template.sampling.max_tokens)
    (answer,) = yield from _ask([job], {})
    made = answer.generation
    reading, warnings = doctags.read(made.text, page.size_px, made.stop_reason, confidence(answer))
    regions = tuple(placed(region, page) for region in reading.regions)
    text_from: TextFrom = "model" if regions else ""
    reading = replace(reading, regions=regions, text_from=text_from, size_px=page.page_px)
    return replace(reading, rotation=page.look.turn, skew_deg=page.look.skew_deg), warnings


def placed(region: Region, page: Turned) -> Region:
    """A region of the turned page, and all in it, where it is on the page as it was given."""
    children = tuple(placed(child, page) for child in region.children)
    return replace(region, box=page.box_of_shares(region.box), children=children)
