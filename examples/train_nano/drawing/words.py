"""Words, running text and the things that stand on papers: prices, dates, telephone numbers, addresses.

A word whose lower-case crc32 is 0 modulo 13 is held out of training: those of dictionaries, of running text and of
random letters. Words of up to three letters, very common ones and what forms are printed with (labels, names, months)
are not.
"""

import functools
import gzip
import json
import re
import string
import sysconfig
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from . import sources
from .unfit import is_unfit

_COMMON = (
    "the of and to a in is it for on that with as be this are or by an at from not you your can will if all may any "
    "other such which have has was but"
)
_SHORT = frozenset(_COMMON.split())
_NAMES = (
    "James Mary Robert Linda Anna Peter Maria John Sofia David Emma Lucas Olivia Noah Mia Leo Grace Henry Alice Oscar "
    "Clara Hugo Julia Max Eva Ben Lucy Paul Nina Tom"
)
NAMES = _NAMES.split()
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_PROSE = (
    ("/usr/share/common-licenses", "*"),
    ("/usr/share/doc", "*/copyright"),
    ("/usr/share/perl", "*/pod/*.pod"),
    ("/usr/lib", "python3*/*.py"),
    (sysconfig.get_paths()["stdlib"], "*.py"),
)
_PROSE_FILES, _PROSE_CHARACTERS = 900, 60_000  # at most; the rest adds time, not variety


class Corpus(NamedTuple):
    """Dictionary words, words by falling frequency, and the words of running text in order."""

    words: list[str]
    frequent: list[str]
    prose: list[str]


def is_held_out(word: str) -> bool:
    """Whether training never sees this word."""
    word = word.lower()
    return word not in _SHORT and len(word) > 3 and zlib.crc32(word.encode()) % 13 == 0


@functools.lru_cache(None)
def corpus(held: bool) -> Corpus:
    """What to write: words of training, or only the held-out ones (then there is no running text)."""
    packed = sources.folder()
    if packed and not held:
        return Corpus(*json.loads(gzip.decompress((packed / sources.CORPUS).read_bytes())))
    dictionary = Path("/usr/share/dict/words")
    words = dictionary.read_text(errors="ignore").split() if dictionary.exists() else []
    words = [word for word in words if word.isascii() and word.isalpha() and 2 <= len(word) <= 14]
    try:
        from wordfreq import top_n_list

        frequent = [word for word in top_n_list("en", 20000) if word.isascii() and word.isalpha()]
    except ImportError:
        frequent = words[::5]
    if not frequent:  # neither wordfreq nor wamerican: the words of the manuals must do
        frequent = sorted({token.lower() for token in _prose() if token.isalpha()})
    words, frequent = (
        [word for word in known if is_held_out(word) == held and not is_unfit(word)]
        for known in (words or frequent, frequent)
    )
    return Corpus(
        words, frequent, [] if held else _prose_without(lambda token: holds_held_out(token) or is_unfit(token))
    )


def holds_held_out(text: str) -> bool:
    """Whether a run of letters in `text` is a held-out word."""
    return any(is_held_out(word) for word in re.findall("[A-Za-z]+", text))


@functools.lru_cache(1)
def _prose() -> list[str]:
    paths = [path for folder, pattern in _PROSE for path in sorted(Path(folder).glob(pattern))]
    texts = []
    for path in paths[:_PROSE_FILES]:
        if path.is_file():
            text = path.read_text(errors="ignore")
            texts.append(
                (" ".join(re.findall(r'"""(.*?)"""', text, re.S)) if path.suffix == ".py" else text)[:_PROSE_CHARACTERS]
            )
    tokens = (token for text in texts for token in text.split() if len(token) <= 18)
    return [token for token in tokens if token.isascii() and token.isprintable() and re.search("[A-Za-z]", token)]


def _prose_without(unwanted: Callable[[str], bool]) -> list[str]:
    """Running text less some of its words (each of which is asked about once, however often it is written)."""
    left_out = {token for token in set(_prose()) if unwanted(token)}
    return [token for token in _prose() if token not in left_out]


def word(rng, held: bool = False, plain: bool = False) -> str:
    """One word: frequent, from the dictionary or, unless `plain`, made of random letters."""
    known, kind = corpus(held), rng.random()
    if kind < 0.44:
        return known.frequent[int(len(known.frequent) * rng.random() ** 2)]
    if kind < 0.82 or plain:
        return rng.choice(known.words)
    while True:
        made = "".join(rng.choice(string.ascii_lowercase) for _ in range(rng.randrange(2, 9)))
        if held or not is_held_out(made):
            return made


def phrase(rng, count: int, held: bool = False, prose: float = 0.3) -> list[str]:
    """`count` words: running text with probability `prose`, else words in one case style with numbers and marks."""
    text = corpus(held).prose
    if rng.random() < prose and len(text) > 1000:
        start = rng.randrange(len(text) - count)
        words = text[start : start + count]
        return [each.upper() for each in words] if rng.random() < 0.1 else words
    style = rng.choices([str.lower, str.title, str.upper, str.capitalize], [4, 3, 3, 2])[0]
    words = [word(rng, held) for _ in range(count)]
    words = [words[0].capitalize(), *words[1:]] if style is str.capitalize else [style(each) for each in words]
    words = [_marked(rng, each, held) for each in words]
    if rng.random() < 0.25:
        words[-1] += rng.choice("..!?.")
    return " ".join(words).split(" ")


def _marked(rng, text: str, held: bool) -> str:
    kind = rng.random()
    if kind < 0.17:
        return special(rng, held)
    if kind < 0.26:
        return text + rng.choice(",.,.,.:;!?)")
    if kind < 0.29:
        return rng.choice(['"%s"', "(%s)", "'%s'", "[%s]", "%s's", f"%s-{text}"]) % text
    return text


def digits(rng, count: int) -> str:
    """`count` random digits."""
    return "".join(rng.choice(string.digits) for _ in range(count))


def money(rng, most: int = 200) -> str:
    """A price in dollars."""
    return f"${rng.randrange(most)}.{rng.randrange(100):02d}"


def date(rng) -> str:
    """A day in one of three notations."""
    day, month, year = rng.randrange(1, 29), rng.randrange(1, 13), rng.randrange(1980, 2031)
    return rng.choice(
        [f"{month:02d}/{day:02d}/{year}", f"{year}-{month:02d}-{day:02d}", f"{day} {MONTHS[month - 1]} {year}"]
    )


def time_of_day(rng) -> str:
    """A time in one of the usual notations."""
    hour, minute, half = rng.randrange(24), rng.randrange(60), rng.choice(["", "", " AM", " PM", "pm"])
    return f"{hour % 12 + 1 if half else hour}:{minute:02d}{half}"


def email(rng, held: bool = False) -> str:
    """A made-up address."""
    name = rng.choice(NAMES).lower() + rng.choice(["", ".", "_"]) + word(rng, held, plain=True).lower()
    return f"{name}@{word(rng, held, plain=True).lower()}{rng.choice(['.com', '.org', '.net', '.io'])}"


def website(rng, held: bool = False) -> str:
    """A made-up address."""
    name = word(rng, held, plain=True).lower()
    return rng.choice(["www.", "https://", ""]) + name + rng.choice([".com", ".org", ".net", ".de", "/index.html"])


def _mixed(rng) -> str:
    letters = [rng.choice(string.ascii_letters + string.digits) for _ in range(rng.randrange(4, 10))]
    letters[rng.randrange(len(letters))] = rng.choice(string.digits)  # a code, not a word
    return "".join(letters)


def _code(rng) -> str:
    letters = "".join(rng.choice(string.ascii_uppercase) for _ in range(rng.randrange(1, 4)))
    return letters + rng.choice(["-", " ", ""]) + digits(rng, rng.randrange(2, 6))


_SPECIALS = (
    lambda rng: rng.choice(["$", "$", "", "EUR ", "-$"]) + f"{rng.randrange(1000)}.{digits(rng, 2)}",
    date,
    date,
    time_of_day,
    lambda rng: f"({digits(rng, 3)}) {digits(rng, 3)}-{digits(rng, 4)}",
    lambda rng: f"+{rng.randrange(1, 99)} {digits(rng, 3)} {digits(rng, 3)} {digits(rng, 3)}",
    email,
    website,
    lambda rng: digits(rng, rng.randrange(1, 4)) + "%",
    _code,
    _mixed,
    lambda rng: digits(rng, rng.randrange(1, 10)),
    lambda rng: "#" + digits(rng, rng.randrange(2, 6)),
    lambda rng: f"{rng.randrange(1000, 9_999_999):,}",
    lambda rng: (
        "".join(rng.choice(string.punctuation) for _ in range(rng.randrange(1, 5))) + digits(rng, rng.randrange(3))
    ),
    lambda rng: rng.choice(["No. ", "Room ", "Exit ", "Gate ", "Km ", "Page ", "Floor "]) + str(rng.randrange(1, 500)),
)


def special(rng, held: bool = False) -> str:
    """Something that is not a word: a price, a date, a number, an address, a code."""
    make = rng.choice(_SPECIALS)
    return make(rng, held) if make in (email, website) else make(rng)
