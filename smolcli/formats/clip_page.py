"""Answers about windows of clips go in, a page comes out: each clip to play, what happens in it, and the frames that
were read; whatever is clicked is where the clip goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from smolcli.datatypes import Place, Source
from smolcli.errors import UsageError
from smolcli.files import Target
from smolcli.formats.cues import Cue, Told, clip_name, path_of, tell
from smolcli.formats.form import Form
from smolcli.formats.pictures import data_uri, thinned
from smolcli.formats.web_page import head, link_to, tail, text
from smolcli.formats.whole import WholeWriter
from smolcli.jobs import Answer
from smolcli.printable import moment, tenths, time_range

FRAME_PX = 192
MOST_FRAMES = 600  # of one clip: some 4 MB
STYLES, SCRIPTS = ("page.css", "clip.css"), ("theme.js", "clip.js")


class ClipPageWriter(WholeWriter):
    """A page of one clip or several, written when all answers are there; of pictures no more than one is held."""

    def __init__(self, target: Target, form: Form) -> None:
        super().__init__(target)
        if form.pictures is None:
            raise UsageError("A page of clips shows pictures, and there are none here.", "See smol video.")
        self._form, self._pictures = form, form.pictures
        self._answers: list[Answer] = []

    def answer(self, answer: Answer) -> None:
        """Take an answer."""
        self._answers.append(answer)

    def finish(self) -> None:
        """Write the page. Raises OutputError."""
        paths = list(dict.fromkeys(map(path_of, self._answers)))
        ordered = sorted(self._answers, key=lambda answer: paths.index(path_of(answer)))
        title = clip_name(paths[0]) if len(paths) == 1 else f"{len(paths)} clips"
        self._target.write(head(title, STYLES, SCRIPTS, media=True))
        self._target.write(
            f'<header>\n<h1>{text(title)}</h1>\n<button type="button" id="theme">Dark</button>\n</header>\n<main>\n'
        )
        for _, answers in groupby(ordered, path_of):
            for part in self._clip(tell(list(answers), self._form), len(paths) > 1):
                self._target.write(part)
        self._target.write("</main>\n" + tail(SCRIPTS))

    def _clip(self, told: Told, named: bool) -> Iterator[str]:
        cues, total = thinned(told.cues, MOST_FRAMES)
        link = link_to(Place(Source(told.path, "video")), self._form.folder)
        yield '<section class="clip">\n<div class="watch">\n'
        yield f"<h2>{text(clip_name(told.path))}</h2>\n" if named else ""
        if link is not None:
            href, name = text(link), text(clip_name(told.path))
            yield f'<video src="{href}" controls preload="metadata" aria-label="{name}"></video>\n'
            yield '<p class="unplayed" role="status" hidden>This browser cannot play the clip: '
            yield f'<a href="{href}">open it</a> with another program.</p>\n'
        yield f'<p class="faint">{moment(told.duration_s)}, {_frames(cues, total)}</p>\n</div>\n<div class="told">\n'
        yield from (f'<p class="caption summary">{text(summary)}</p>\n' for summary in told.summaries)
        yield '<ol class="events">\n'
        for cue in cues:
            yield from self._event(cue, "" if link is not None else " disabled")
        yield "</ol>\n</div>\n</section>\n"

    def _event(self, cue: Cue, disabled: str) -> Iterator[str]:
        yield f'<li class="event" data-start="{cue.start_s:.3f}" data-end="{cue.end_s:.3f}">\n'
        yield f'<button type="button" class="at" data-s="{cue.start_s:.3f}"{disabled}>'
        yield f"<time>{time_range((cue.start_s, cue.end_s))}</time></button>\n"
        yield f'<p class="caption">{text(cue.text)}</p>\n<div class="frames">\n'
        for place in cue.shown:
            rgb = self._pictures(place, FRAME_PX)
            at_s = place.time_s or 0.0
            yield f'<button type="button" class="frame" data-s="{at_s:.3f}"{disabled}><img src="{data_uri(rgb)}" '
            yield f'width="{rgb.shape[1]}" height="{rgb.shape[0]}" alt="Frame at" loading="lazy" decoding="async">'
            yield f"<time>{tenths(at_s)}</time></button>\n"
        yield "</div>\n</li>\n"


def _frames(cues: list[Cue], total: int) -> str:
    shown = sum(len(cue.shown) for cue in cues)
    return f"{shown} frames were read" if shown == total else f"{shown} of the {total} frames that were read"
