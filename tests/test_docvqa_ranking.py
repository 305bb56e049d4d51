"""Which pages a question is about, by their words."""

import pymupdf
import pytest

from smolcli.media import MediaOptions, open_media
from smolcli.media.document import DocumentMedia
from smolcli.run import PageTexts
from smolcli.store import rank_texts
from smolcli.verbs.docvqa.ranking import Ranking, known_texts

PAGES = [
    "The harbour opened in 1904.",
    "Total revenue was 12,400 crowns.",
    "The total total of totals.",
    "",
    "Émile's café",
]


def best(question, pages=PAGES):
    scores = rank_texts(pages, question)
    return [number for number in sorted(range(len(pages)), key=lambda number: -scores[number]) if scores[number] > 0]


def test_pages_with_rarer_words_of_the_question_come_first_and_those_without_any_have_nothing():
    assert best("What was the total revenue?") == [1, 2]
    assert best("When did the harbour open?") == [0]
    assert rank_texts(PAGES, "Who is the president?") == [0.0] * 5


def test_the_words_that_make_it_a_question_do_not_count():
    assert best("What is the harbour?", ["What is what and who is who?", "harbour", ""]) == [1]


def test_case_accents_and_endings_are_tolerated():
    assert best("cafe of emile") == [4] and best("HARBOURS") == [0]


@pytest.mark.parametrize(
    "question", ['"', "total AND", "NEAR(total", "text:total", "*", "total*", "'; DROP TABLE pages", "-total", "^", "?"]
)
def test_what_looks_like_a_query_is_only_words(question):
    assert set(best(question)) <= {1, 2}


def test_scripts_without_spaces_are_found():
    pages = ["契約書の日付は四月です", "請求書の合計は千円です", "目次"]
    assert best("合計はいくら", pages)[0] == 1


def test_a_question_of_only_common_words_still_looks_for_them():
    assert best("What is it?", ["It is what it is.", "Nothing"]) == [0]


def test_there_may_be_no_pages_and_no_words():
    assert rank_texts([], "total") == [] and rank_texts(["a"], "") == [0.0]


def test_pages_are_searched_by_their_own_text_without_a_look_at_where_it_stands(tmp_path, monkeypatch):
    """Of 1,000 pages that would take longer than the answer. Text that makes no words says nothing of a page."""
    with pymupdf.open() as document:
        for lines in (["Total revenue was 12,400 crowns."], [], ["xkqzjwvqxkzj"] * 20):
            page = document.new_page(width=300, height=300)
            for number, line in enumerate(lines):
                page.insert_text((20, 20 + 12 * number), line, fontsize=9)
        document.save(tmp_path / "a.pdf")
    monkeypatch.delattr(DocumentMedia, "layer")
    monkeypatch.setattr(DocumentMedia, "frame", None)
    with open_media(str(tmp_path / "a.pdf"), MediaOptions()) as media:
        found = known_texts(media, media.places, Ranking(PageTexts(), rank_texts, "{question}"))
    assert found == ["Total revenue was 12,400 crowns.", "", ""]
