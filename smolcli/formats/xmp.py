"""Answers about one file in, an XMP sidecar out: its `dc:description`. All else of one that is there stays as it is.

The description is found with expat and put into the text of the file, so that no byte of another tag changes. A
document type, which XMP has none of and entities could come from, is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import escape
from xml.parsers import expat

from smolcli.errors import OutputError
from smolcli.files import Target
from smolcli.formats.whole import WholeWriter
from smolcli.jobs import Answer
from smolcli.printable import printable

MOST_BYTES = 16_000_000
_RDF, _DC = "http://www.w3.org/1999/02/22-rdf-syntax-ns#", "http://purl.org/dc/elements/1.1/"
_LANGUAGE = "http://www.w3.org/XML/1998/namespace lang"
_TAG = re.compile(rb"""<(?:[^"'>]|"[^"]*"|'[^']*')*>""")
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_WAY_OUT = "Repair it, or take it away."
EMPTY = (
    f'<x:xmpmeta xmlns:x="adobe:ns:meta/">\n <rdf:RDF xmlns:rdf="{_RDF}">\n  <rdf:Description rdf:about="">\n'
    "  </rdf:Description>\n </rdf:RDF>\n</x:xmpmeta>\n"
).encode()
_PROPERTY = (
    f'\n   <dc:description xmlns:dc="{_DC}"><rdf:Alt xmlns:rdf="{_RDF}"><rdf:li xml:lang="x-default">'
    "{}</rdf:li></rdf:Alt></dc:description>"
)


class XmpWriter(WholeWriter):
    """One description of all answers, a line each. `target.before` is the sidecar that is there, if there is one."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._texts: list[str] = []

    def answer(self, answer: Answer) -> None:
        """It is written at the end."""
        self._texts.append(printable(answer.text).strip())

    def finish(self) -> None:
        """Write all. Raises OutputError for a sidecar that is no XMP."""
        text = _NO_XML.sub("\ufffd", "\n".join(filter(None, self._texts)))
        self._target.write_bytes(described(self._target.before or EMPTY, text))


def described(xmp: bytes, text: str) -> bytes:
    """The sidecar with a text at the end of its description, unless that has it already. Raises OutputError."""
    found = _parsed(xmp)
    if not text:
        return xmp
    if found.chosen is not None:
        known = found.chosen.text.strip()
        if f"\n{text}\n" in f"\n{known}\n":
            return xmp
        return found.chosen.with_more(xmp, (f"\n{escape(text)}" if known else escape(text)).encode())
    new = _PROPERTY.format(escape(text))
    if found.first is not None:
        return found.first.with_more(xmp, new.encode())
    about = f'\n  <rdf:Description xmlns:rdf="{_RDF}" rdf:about="">{new}</rdf:Description>'
    if found.whole is None:
        raise OutputError("The XMP file that is there has no rdf:RDF.", _WAY_OUT)
    return found.whole.with_more(xmp, about.encode())


@dataclass(slots=True)
class _Element:
    """One element of the file. start, end: where its tags begin, in bytes; tag: its start tag; text: what it says."""

    start: int
    tag: bytes
    end: int = -1
    text: str = ""

    def with_more(self, xmp: bytes, new: bytes) -> bytes:
        """The file with something at the end of what is in this element."""
        if not self.tag.endswith(b"/>"):
            end = len(xmp[: self.end].rstrip())
            return xmp[:end] + new + xmp[end:]
        name = re.split(rb"[\s/>]", self.tag[1:], maxsplit=1)[0]
        whole = self.tag[:-2].rstrip() + b">" + new + b"</" + name + b">"
        return xmp[: self.start] + whole + xmp[self.start + len(self.tag) :]


@dataclass(slots=True)
class _Found:
    """Elements of an XMP file: rdf:RDF, its first rdf:Description, what dc:description says in each language."""

    whole: _Element | None = None
    first: _Element | None = None
    description: _Element | None = None
    languages: dict[str, _Element] = field(default_factory=dict)

    @property
    def chosen(self) -> _Element | None:
        """What holds the description: its default language, or its first one, or the property itself."""
        return self.languages.get("x-default") or next(iter(self.languages.values()), self.description)


def _parsed(xmp: bytes) -> _Found:
    """Raises OutputError for what is too large, no XML, or hostile."""
    if len(xmp) > MOST_BYTES:
        raise OutputError(f"The XMP file that is there has {len(xmp)} bytes.", _WAY_OUT)
    try:
        xmp.decode("utf-8")
        return _Parser(xmp).found
    except (expat.ExpatError, UnicodeDecodeError) as error:
        raise OutputError(f"The XMP file that is there cannot be read: {error}.", _WAY_OUT) from error


class _Parser:
    """Walks through the file once. Raises ExpatError, OutputError."""

    def __init__(self, xmp: bytes) -> None:
        self.found = _Found()
        self._xmp = xmp
        self._stack: list[tuple[str, _Element]] = []
        self._expat = expat.ParserCreate(namespace_separator=" ")
        self._expat.StartDoctypeDeclHandler = self._refuse_doctype
        self._expat.XmlDeclHandler = self._check_encoding
        self._expat.StartElementHandler = self._start
        self._expat.EndElementHandler = self._end
        self._expat.CharacterDataHandler = self._say
        self._expat.Parse(xmp, True)

    def _refuse_doctype(self, *_: object) -> None:
        raise OutputError("The XMP file that is there has a document type, which XMP has none of.", _WAY_OUT)

    def _check_encoding(self, version: str, encoding: str | None, standalone: int) -> None:
        if encoding is not None and encoding.lower() not in ("utf-8", "us-ascii"):
            raise OutputError(f"The XMP file that is there is in {encoding}, not in UTF-8.", _WAY_OUT)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        start = self._expat.CurrentByteIndex
        tag = _TAG.match(self._xmp, start)
        element = _Element(start, tag[0] if tag else b"")
        path = [each for each, _ in self._stack]
        self._stack.append((name, element))
        if name == f"{_RDF} RDF" and self.found.whole is None:
            self.found.whole = element
        elif name == f"{_RDF} Description" and path[-1:] == [f"{_RDF} RDF"]:
            self.found.first = self.found.first or element
            if f"{_DC} description" in attributes:
                raise OutputError("The XMP file that is there has its description as an attribute.", _WAY_OUT)
        elif name == f"{_DC} description" and path[-2:] == [f"{_RDF} RDF", f"{_RDF} Description"]:
            self.found.description = self.found.description or element
        elif name == f"{_RDF} li" and path[-2:-1] == [f"{_DC} description"]:
            self.found.languages.setdefault(attributes.get(_LANGUAGE, ""), element)

    def _end(self, name: str) -> None:
        self._stack.pop()[1].end = self._expat.CurrentByteIndex

    def _say(self, text: str) -> None:
        if self._stack:
            self._stack[-1][1].text += text
