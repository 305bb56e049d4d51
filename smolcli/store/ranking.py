"""What pages say and a question go in, how well each page fits comes out: BM25 by SQLite's FTS5, in memory."""

from __future__ import annotations

import re
from collections.abc import Sequence

from smolcli.store.database import in_memory

# Words that a question has because it is one. Rare on pages of figures, they would count for more than what is asked.
_SAID = """
    a about an and any are as at be been by can could did do does document for from give given has have how i if in
    into is it its list many me much my name of on or page please say says shall should show state stated tell than that
    the their there these they this those to was we were what what's when where which who whom whose why will with would
    you your
    auf das dem den der die ein eine ist mit oder und von was welche welcher welches wer wie wo
    combien de des du en est et la le les ou par pour quel quelle quels quelles qui un une
    como cual cuál cuando cuándo del el es los las por que qué quien quién una y"""
_ASKING = frozenset(_SAID.split())
# Scripts without spaces between words: each of their letters is a word.
_UNSPACED = re.compile(r"([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])")
_WORD = re.compile(r"\w+")


def rank_texts(texts: Sequence[str], question: str) -> list[float]:
    """How well each text answers a question's words: more is better, 0 for none of them. Raises OutputError."""
    words = _words(question)
    scores = [0.0] * len(texts)
    if not words:
        return scores
    with in_memory() as database:
        database.execute(
            "CREATE VIRTUAL TABLE pages USING fts5(text, tokenize = 'porter unicode61 remove_diacritics 2')"
        )
        rows = ((number, _spaced(text)) for number, text in enumerate(texts, 1))
        database.executemany("INSERT INTO pages (rowid, text) VALUES (?, ?)", rows)
        wanted = " OR ".join(f'"{word}"' for word in words)
        for row, score in database.execute("SELECT rowid, bm25(pages) FROM pages WHERE pages MATCH ?", (wanted,)):
            scores[row - 1] = max(-float(score), 1e-9)  # FTS5 gives the better the smaller
    return scores


def _words(question: str) -> list[str]:
    """What is asked about; all words of a question that has no others."""
    said = list(dict.fromkeys(_WORD.findall(_spaced(question).casefold())))
    return [word for word in said if word not in _ASKING] or said


def _spaced(text: str) -> str:
    return _UNSPACED.sub(r" \1 ", text)
