"""Answers about pictures go in, a page comes out: their thumbnails and captions, to search, sort and look through."""

from __future__ import annotations

from smolcli.datatypes import Place
from smolcli.errors import UsageError
from smolcli.files import Target
from smolcli.formats.form import Form
from smolcli.formats.pictures import data_uri, evenly
from smolcli.formats.web_page import head, link_to, tail, text
from smolcli.formats.whole import WholeWriter
from smolcli.jobs import Answer

THUMBNAIL_PX, SMALL_PX = 256, 96
MOST_PICTURES = 12  # of one answer
DRAWN = 200  # cards that are drawn at once: the page's script draws more as they are scrolled to
STYLES, SCRIPTS = ("page.css", "gallery.css"), ("theme.js", "gallery.js")
TOP = """<header>
<h1>{title}</h1>
<input type="search" id="search" placeholder="Search ( / )" aria-label="Search captions and names">
<label>Sort <select id="sort"><option value="read">as read</option><option value="name">by name</option>
<option value="caption">by caption</option><option value="length">longest first</option></select></label>
<button type="button" id="theme">Dark</button>
<span class="faint" role="status"><span id="count"></span></span>
</header>
<main>
<div id="before"></div>
<ul id="cards" aria-label="Pictures">
"""
BOTTOM = """</ul>
<p id="none" role="status"></p>
</main>
<dialog id="large" aria-label="Picture">
<img alt="">
<div class="text"><p class="caption"></p><p class="faint where"></p></div>
<div class="bar">
<button type="button" class="previous">Previous</button><button type="button" class="next" autofocus>Next</button>
<button type="button" class="close">Close</button><a class="original" href="#">Open the original</a></div>
</dialog>
"""


class GalleryWriter(WholeWriter):
    """One card for each answer, written as it comes: of pictures no more than one is held."""

    def __init__(self, target: Target, form: Form) -> None:
        super().__init__(target)
        if form.pictures is None:
            raise UsageError("A gallery shows pictures, and there are none here.", "Write text, csv or jsonl.")
        self._form, self._pictures, self._count = form, form.pictures, 0

    def answer(self, answer: Answer) -> None:
        """Write one card. Raises OutputError."""
        if not self._count:
            self._target.write(head("Captions", STYLES, SCRIPTS) + TOP.format(title=text(self._title(answer))))
        self._count += 1
        places = evenly([*answer.places] or [*answer.job.places], MOST_PICTURES)
        question = f'<p class="question">{text(answer.question)}</p>' if self._form.questions > 1 else ""
        hidden = " hidden" if self._count > DRAWN else ""
        self._target.write(
            f'<li class="card"{hidden}><figure>{self._open(places[0]) if places else _NOTHING}{self._more(places[1:])}'
            f'<figcaption>{question}<p class="caption" id="c{self._count}">{text(answer.text.strip())}</p>'
            f"{self._name(answer.job.places)}</figcaption></figure></li>\n"
        )

    def finish(self) -> None:
        """Close the page."""
        self._target.write(BOTTOM + tail(SCRIPTS))

    def _title(self, answer: Answer) -> str:
        return answer.question if self._form.questions == 1 and answer.question else "Captions"

    def _open(self, place: Place) -> str:
        """The picture, which leads to its file and is shown large by the page's own script."""
        link = link_to(place, self._form.folder)
        named, image = f'class="open" aria-labelledby="c{self._count}"', self._image(place, THUMBNAIL_PX)
        if link is None:
            return f'<button type="button" {named}>{image}</button>'
        return f'<a {named} href="{text(link)}">{image}</a>'

    def _more(self, places: list[Place]) -> str:
        images = "".join(self._image(place, SMALL_PX) for place in places)
        return f'<div class="more">{images}</div>' if images else ""

    def _image(self, place: Place, edge_px: int) -> str:
        rgb = self._pictures(place, edge_px)
        size = f'width="{rgb.shape[1]}" height="{rgb.shape[0]}"'
        return f'<img src="{data_uri(rgb)}" {size} alt="" loading="lazy" decoding="async">'

    def _name(self, places: tuple[Place, ...]) -> str:
        """The names of what was asked about, each leading to its file."""
        found = []
        for place in places:
            link, shown = link_to(place, self._form.folder), text(place.uri)
            found.append(
                f'<a class="name" href="{text(link)}">{shown}</a>' if link else f'<span class="name">{shown}</span>'
            )
        return " ".join(found) or '<span class="name"></span>'


_NOTHING = '<button type="button" class="open"><img alt=""></button>'
