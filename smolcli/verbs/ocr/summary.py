"""Pages that were read go in, one sentence about all of them comes out."""

from __future__ import annotations

from dataclasses import dataclass, field

from smolcli.jobs import Answer, Failure

DOUBTFUL = 0.6  # a page of which the model was less sure
NAMED = 8  # doubtful pages are named, at most so many


@dataclass(slots=True)
class Summary:
    """What became of all pages of a run. doubtful: their names."""

    read: int = 0
    kept: int = 0
    blank: int = 0
    unread: int = 0
    failed: int = 0
    tables: int = 0
    doubtful: list[str] = field(default_factory=list)

    def add(self, what: Answer | Failure) -> None:
        """One more page, or a file that could not be read."""
        if isinstance(what, Failure):
            self.failed += 1
            return
        assert what.page is not None
        page = what.page
        self.blank += page.text_from == ""
        self.tables += sum(1 for _ in page.of_kind("table"))
        self.kept += page.text_from == "layer"
        unread = page.text_from == "model" and not page.regions
        self.unread += unread
        self.read += page.text_from in ("model", "mixed") and not unread
        if page.confidence is not None and page.confidence < DOUBTFUL:
            self.doubtful.append(what.job.places[0].uri)

    def sentences(self, tables: bool) -> tuple[str, ...]:
        """What there is to say at the end: nothing where the run came to nothing. tables: they were asked for."""
        if not (self.read or self.kept or self.blank or self.unread or self.failed):
            return ()
        return (self.sentence(), *(["No table was found."] if tables and not self.tables else []))

    def sentence(self) -> str:
        """ "12 pages: 9 read, 2 from their text layer, 1 blank; doubtful: scan.pdf#page=3." """
        counts = (
            (self.read, "read by the model"),
            (self.kept, "from the text layer"),
            (self.blank, "blank"),
            (self.unread, "without a line that can be believed"),
            (self.failed, "failed"),
        )
        pages = sum(count for count, _ in counts)
        parts = ", ".join(f"{count} {what}" for count, what in counts if count)
        more = [f"and {len(self.doubtful) - NAMED} more"] if len(self.doubtful) > NAMED else []
        doubts = f"; doubtful: {', '.join([*self.doubtful[:NAMED], *more])}" if self.doubtful else ""
        return f"{pages} page{'s' * (pages != 1)}: {parts or 'none'}{doubts}."
