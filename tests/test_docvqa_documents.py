"""Documents that are asked: which pages are read, what is answered, where it stands; with an engine that sees greys.

Every page is drawn in a grey of its own, by which the engine knows it, whatever it is shown of it.
"""

import json
from contextlib import closing
from dataclasses import replace

import pytest
from drawing import draw_pdf
from fakes.engine import FACTS, FakeEngine

from smolcli.datatypes import ImagePart, Sampling
from smolcli.errors import DoesNotFitError, OutputError
from smolcli.formats import MarkedPages, Marking
from smolcli.generation import Refused
from smolcli.jobs import Answer, Failure, Look, Question, Words
from smolcli.media import FolderError
from smolcli.run import Access, OpenFiles, PageTexts, RunOptions, run
from smolcli.store import rank_texts
from smolcli.verbs import DocumentQuestions, Evidence, Ranking, Search, Template

STEP = 20  # levels of grey between two pages
LOOK = Look("low")


class Eyes(FakeEngine):
    """says: page → (answer, logprob) or a function of the question; likely: page → how likely it says yes (log).

    looked: (page, "rank" or "read") of every request; fails: pages that are refused.
    """

    def __init__(self, says, likely=None, fails=()):
        super().__init__(parallel=2)
        self.says, self.likely, self.fails, self.looked = says, likely or {}, fails, []

    def step(self):
        events = []
        for event in super().step():
            made = event
            if hasattr(event, "counts"):
                request = self.seen[event.key]
                page = page_of(request.turns)
                self.looked.append((page, "rank" if request.choices else "read"))
                if page in self.fails:
                    made = Refused(event.key, DoesNotFitError("It does not fit."))
                elif request.choices:
                    made = replace(event, choice_logprobs=(self.likely.get(page, -9.0), -0.5))
                else:
                    text, logprob = self.says.get(page, ("Not found.", -0.01))
                    made = replace(event, text=text, mean_logprob=logprob)
            events.append(made)
        return events


def page_of(turns):
    """The number of the page, from its grey."""
    [picture] = [part for turn in turns for part in turn.parts if isinstance(part, ImagePart)]
    return round((255 - float(picture.tiles.rgb[-1, 40:, 40:].mean())) / STEP)


def draw(path, texts):
    """A page a text; "" for one that is only a picture. Page n is grey n."""
    pages = []
    for number, text in enumerate(texts, 1):
        grey = (1 - STEP * number / 255,) * 3
        pages.append({"size": (300, 300), "fill": [((0, 0, 300, 300), grey)], "text": text, "height": 14})
    return draw_pdf(path, pages)


def ask(engine, found, questions=("What is the total?",), texts=None, evidence=None, **search):
    """(answers, failures) about some files."""
    asked = tuple(Question(Words(), text) for text in questions)
    template = Template(asked, LOOK, Sampling(max_tokens=5))
    ranking = Ranking(texts or PageTexts(), rank_texts, "Is there a {words}? {question}")
    how = Search(ranking, evidence or Evidence(template), **search)
    with closing(OpenFiles(FACTS, 1000)) as files:
        asking = DocumentQuestions(files, found, template, Access(several=True), how)
        events = list(asking.answers(run(asking.jobs(), engine, files, RunOptions())))
        assert not files._opened
    return [e for e in events if isinstance(e, Answer)], [e for e in events if isinstance(e, Failure)]


REPORT = ("Contents", "The total is in crowns", "A harbour", "Grand total 84", "Weather", "Names")


@pytest.fixture
def report(tmp_path):
    return draw(tmp_path / "report.pdf", REPORT)


def test_pages_with_text_are_ranked_by_it_and_only_the_best_are_looked_at(report):
    engine = Eyes({2: ("12", -0.9), 4: ("84", -0.1)})
    [answer], failed = ask(engine, [report], top=2)
    assert not failed and sorted(engine.looked) == [(2, "read"), (4, "read")]
    assert (
        answer.text == "84" and answer.job.places[0].page == 4 and answer.confidence == pytest.approx(0.9048, abs=1e-3)
    )
    assert answer.generation.counts.encodes == 2  # what both pages took
    [note] = answer.warnings
    assert "Of the 6 pages" in note and "pages 2, 4 were read" in note and "--all-pages" in note


def test_the_line_that_holds_the_answer_is_its_evidence(report):
    [answer], _ = ask(Eyes({4: ("84", -0.1)}), [report])
    [place] = answer.evidence
    left, top, width, height = place.box
    assert place.page == 4 and left < 0.1 and top < 36 / 300 < top + height and 0.2 < width < 0.6


def test_an_answer_that_does_not_stand_on_its_page_has_no_evidence(report):
    [answer], _ = ask(Eyes({4: ("a good deal", -0.1)}), [report])
    assert answer.text == "a good deal" and answer.evidence == ()


def test_scanned_pages_are_ranked_by_how_likely_they_tell(tmp_path):
    scan = draw(tmp_path / "scan.pdf", [""] * 8)
    engine = Eyes({7: ("84", -0.2), 3: ("12", -0.1)}, likely={7: -0.1, 2: -0.2})
    [answer], _ = ask(engine, [scan], top=2)
    assert [page for page, what in engine.looked if what == "rank"] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert sorted(page for page, what in engine.looked if what == "read") == [2, 7]
    assert (answer.text, answer.job.places[0].page) == ("84", 7)
    assert answer.generation.counts.encodes == 10


def test_pages_of_both_kinds_take_turns(tmp_path):
    mixed = draw(tmp_path / "mixed.pdf", ["total total", "", "", "total of it all and more", "", "x"])
    engine = Eyes({}, likely={5: -0.1, 3: -0.3})
    ask(engine, [mixed], top=3)
    read = {page for page, what in engine.looked if what == "read"}
    assert (
        len(read) == 3
        and 5 in read
        and read - {3, 5} <= {1, 4}
        and {p for p, w in engine.looked if w == "rank"} == {2, 3, 5}
    )


def test_what_an_earlier_run_has_read_of_scans_ranks_them_without_the_model(tmp_path):
    class Kept(dict):
        def get(self, key, sources):
            return super().get(key)

        def keep(self, key, sources, record):
            assert b"scan" not in key + record
            self[key] = record

    scan, kept = draw(tmp_path / "scan.pdf", [""] * 6), PageTexts(Kept())
    with closing(OpenFiles(FACTS, 1000)) as files, files.hold(scan, LOOK, Access()) as media:
        for place, text in zip(media.places, REPORT, strict=True):
            kept.keep(place, text)
    engine = Eyes({4: ("84", -0.1)})
    [answer], _ = ask(engine, [scan], texts=kept, top=2)
    assert sorted(engine.looked) == [(2, "read"), (4, "read")] and answer.text == "84"


def test_a_document_of_few_pages_is_simply_asked(tmp_path):
    engine = Eyes({1: ("84", -0.5)})
    [answer], _ = ask(engine, [draw(tmp_path / "a.pdf", ["", "", ""])])
    assert sorted(engine.looked) == [(1, "read"), (2, "read"), (3, "read")] and answer.warnings == ()


def test_all_pages_are_read_where_that_is_asked_for(report):
    engine = Eyes({6: ("84", -0.1), 4: ("85", -0.3)})
    [answer], _ = ask(engine, [report], top=None)
    assert len(engine.looked) == 6 and answer.job.places[0].page == 6 and answer.warnings == ()


def test_each_page_may_be_a_document_of_its_own(report):
    answers, _ = ask(Eyes({2: ("12", -0.9), 4: ("84", -0.1)}), [report], each=True)
    assert [answer.job.places[0].page for answer in answers] == [1, 2, 3, 4, 5, 6]
    assert [answer.text for answer in answers] == ["not found", "12", "not found", "84", "not found", "not found"]


def test_where_no_page_tells_nothing_is_invented(report):
    [answer], failed = ask(Eyes({}), [report], top=2)
    assert (answer.text, answer.evidence, failed) == ("not found", (), [])
    assert answer.warnings[0] == f"None of the 2 pages that were read answers 'What is the total?' ({report})."
    assert [place.page for place in answer.job.places] == [4, 2] or [p.page for p in answer.job.places] == [2, 4]


def test_a_guess_that_the_model_is_unsure_of_is_no_answer_and_is_said(report):
    engine = Eyes({4: ("84", -2.0)})
    [answer], _ = ask(engine, [report], top=2, least=0.5)
    assert answer.text == "not found" and "'84' on page 4" in answer.warnings[0] and "--least" in answer.warnings[0]
    [answer], _ = ask(Eyes({4: ("84", -2.0)}), [report], top=2, least=0.1)
    assert answer.text == "84"


def test_what_the_model_says_is_not_there_is_not_found_and_each_page_is_asked_all_at_once(report):
    says = {2: ("12", -0.01), 4: ("84", -0.1)}
    engine = Eyes(says, likely={4: 0.0})  # asked whether there is a total, it says yes of one page alone
    [answer], _ = ask(engine, [report], top=None, doubted=0.6)
    assert (answer.text, answer.job.places[0].page) == ("84", 4)
    pages = [page for page, _ in engine.looked]
    assert pages == sorted(pages) and len(pages) == 12
    [answer], _ = ask(Eyes(says), [report], top=None, doubted=0.6)
    assert answer.text == "not found" and answer.confidence > 0.9
    engine = Eyes(says)
    [answer], _ = ask(engine, [report], ["How much is it in all?"], top=None, doubted=0.6)  # it names nothing
    assert answer.text == "12" and len(engine.looked) == 6


@pytest.mark.parametrize("pages", [("", "", "", "", "", ""), REPORT])
def test_a_page_that_fails_is_one_failure_and_the_others_go_on(tmp_path, pages):
    path = draw(tmp_path / "a.pdf", pages)
    answers, failed = ask(
        Eyes({4: ("84", -0.1)}, fails=(2,)), [path], ["What is the total?", "How much in total?"], top=4
    )
    assert [answer.text for answer in answers] == ["84", "84"]
    assert [(failure.place, failure.error) for failure in failed] == [(f"{path}#page=2", "DoesNotFitError")]


def test_a_document_of_which_every_page_fails_has_no_answer(tmp_path):
    path = draw(tmp_path / "a.pdf", ["", ""])
    answers, failed = ask(Eyes({}, fails=(1, 2)), [path])
    assert answers == [] and [failure.place for failure in failed] == [f"{path}#page=1", f"{path}#page=2"]


def test_files_that_cannot_be_read_keep_their_turn(report, tmp_path):
    bad = tmp_path / "bad.pdf"
    bad.write_bytes(b"%PDF-1.7 damaged")
    found = [FolderError("empty", "There is nothing in it."), str(bad), report]
    answers, failed = ask(Eyes({4: ("84", -0.1)}), found)
    assert [failure.source for failure in failed] == ["empty", str(bad)] and [a.text for a in answers] == ["84"]


def test_several_questions_are_asked_page_by_page_and_answered_in_their_order(report):
    engine = Eyes({3: ("1904", -0.1), 4: ("84", -0.1)})
    questions = ["What is the total?", "When did the harbour open?", "What is the total?"]
    answers, _ = ask(engine, [report], questions, top=1)
    assert [answer.text for answer in answers] == [answers[0].text, "1904", answers[0].text]
    assert [answer.question for answer in answers] == questions
    pages = [page for page, _ in engine.looked]
    assert pages == sorted(pages) and len(pages) == 2  # what is asked twice is computed once


def marking(tmp_path, inputs, **more):
    options = {"folder": tmp_path / "proof", "inputs": inputs, "questions": 1, "is_input": lambda path: False}
    template = Template((Question(Words(), "Read."),), replace(LOOK, dpi=100), Sampling())
    return Evidence(template, marks=MarkedPages(Marking(**{**options, **more})).begin)


def test_the_page_of_an_answer_is_saved_with_its_place_marked(report, tmp_path):
    import numpy as np
    from PIL import Image

    [answer], _ = ask(Eyes({4: ("84", -0.1)}), [report], evidence=marking(tmp_path, [report]))
    [path] = (tmp_path / "proof").iterdir()
    assert path.name == "report.evidence.png" and answer.evidence
    shown = np.asarray(Image.open(path)).astype(int)
    red = (shown[..., 0] - shown[..., 2]) > 100
    rows, columns = np.nonzero(red)
    left, top, width, height = answer.evidence[0].box
    assert red.mean() < 0.05 and rows.min() < top * len(red) < (top + height) * len(red) < rows.max() + 1
    assert columns.min() < left * red.shape[1] < (left + width) * red.shape[1] < columns.max() + 1


def test_a_picture_that_exists_is_refused_before_anything_is_asked_unless_it_may_be_replaced(report, tmp_path):
    (tmp_path / "proof").mkdir()
    (tmp_path / "proof/report.evidence.png").write_bytes(b"mine")
    engine = Eyes({4: ("84", -0.1)})
    answers, [failed] = ask(engine, [report], evidence=marking(tmp_path, [report]))
    assert answers == engine.looked == [] and failed.error == "OutputError" and "--force" in failed.hint
    ask(engine, [report], evidence=marking(tmp_path, [report], force=True))
    assert (tmp_path / "proof/report.evidence.png").read_bytes()[1:4] == b"PNG"
    mine = marking(tmp_path, [report], force=True, is_input=lambda path: path.name == "report.evidence.png")
    assert "itself" in ask(engine, [report], evidence=mine)[1][0].message


def test_pictures_lie_in_their_folder_whatever_inputs_are_called(tmp_path):
    marked = MarkedPages(Marking(tmp_path / "proof", ["docs"], 2, lambda path: False))
    for name in ("../../a.pdf", "/etc/b.pdf", "-", "c/../../d.pdf", "docs/../../e.pdf"):
        try:
            paths = marked.begin(name, 3).paths
        except OutputError:
            continue
        for path in paths:
            assert path.resolve().is_relative_to((tmp_path / "proof").resolve()), path
    assert [path.name for path in marked.begin("x.pdf", 3).paths] == [
        "x.page-3.evidence-1.png",
        "x.page-3.evidence-2.png",
    ]
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="not a folder"):
        MarkedPages(Marking(tmp_path / "file", [], 1, lambda path: False))


def test_nothing_is_saved_where_no_place_was_found_and_that_is_said(report, tmp_path):
    [answer], _ = ask(Eyes({4: ("a good deal", -0.1)}), [report], evidence=marking(tmp_path, [report]))
    assert not (tmp_path / "proof").exists() and any("nothing is marked" in note for note in answer.warnings)


def test_confidence_and_evidence_are_in_the_json(report):
    from smolcli.formats import answer_record, to_json

    [answer], _ = ask(Eyes({4: ("84", -0.1)}), [report])
    record = json.loads(to_json(answer_record(answer)))
    assert record["page"] == 4 and record["confidence"] == pytest.approx(0.9048) and record["evidence"][0]["page"] == 4
    assert record["evidence"][0]["uri"].startswith(f"{report}#page=4&xywh=percent:")
