"""Choices and schemas in the loop: in order, in company, kept, with failures and time limits like any other job."""

import json
from contextlib import closing

import pytest
from drawing import draw_pdf, draw_text
from fakes.engine import FACTS, FakeEngine
from forms import draw_form

from smolcli.datatypes import Encoded, Piece, Sampling
from smolcli.extraction import schema_of_fields
from smolcli.jobs import Answer, Failure, Look, Question, Words
from smolcli.models import builtin
from smolcli.reader import EngineOptions, Keeping, Reader
from smolcli.run import Access, OpenFiles, RunOptions, run
from smolcli.verbs import Template, ask, docvqa

TWO = schema_of_fields("total,date")
CHOICES = ("yes", "no", "unclear")


def template(text="", look="low", **question):
    return Template((Question(Words(), text, **question),), Look(look), Sampling(max_tokens=12))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    return [draw_text(folder / f"{n}.png", str(n), (40, 30), 20) for n in range(6)]


@pytest.fixture
def files():
    with closing(OpenFiles(FACTS, 1000)) as opened:
        yield opened


def events(files, paths, engine, question, **options):
    return list(
        run(docvqa(files, paths, template("What?", **question), Access()), engine, files, RunOptions(**options))
    )


def outcomes(found):
    return [event for event in found if isinstance(event, Answer | Failure)]


@pytest.mark.parametrize("parallel", [1, 2, 5])
def test_a_schema_is_asked_field_by_field_and_answered_once(files, pictures, parallel):
    engine = FakeEngine(parallel)
    found = events(files, pictures[:3], engine, {"schema": TWO})
    answers = outcomes(found)
    assert [answer.job.places[0].source.path for answer in answers] == pictures[:3]
    assert not [event for event in found if isinstance(event, Piece)]
    assert sum(isinstance(event, Encoded) for event in found) == 3  # of the first question about each
    for number, answer in enumerate(answers):
        keys = [key for key in engine.seen if key & 0xFFFFFFFF == number]
        assert answer.data == {"total": f"answer {keys[0]}", "date": f"answer {keys[1]}"}
        assert json.loads(answer.text) == answer.data
        assert answer.generation.counts.new_tokens == 4 and answer.generation.key == number
    asked = [engine.seen[key].turns[-1].parts[-1].text for key in engine.seen]
    assert {text.removeprefix("What? ") for text in asked} == {"What is the total?", "What is the date?"}
    assert all(engine.seen[key].grammar for key in engine.seen)


@pytest.mark.parametrize("parallel", [1, 4])
def test_choices_come_in_order_with_shares_that_add_up_to_one(files, pictures, parallel):
    engine = FakeEngine(parallel, finish=[2, 0, 3, 1] if parallel > 1 else ())
    answers = outcomes(events(files, pictures[:4], engine, {"choices": CHOICES}))
    assert [answer.job.places[0].source.path for answer in answers] == pictures[:4]
    for answer in answers:
        assert tuple(answer.choices) == CHOICES and sum(answer.choices.values()) == pytest.approx(1)
        assert answer.text == max(answer.choices, key=answer.choices.get)
    assert all(request.choices == CHOICES for request in engine.seen.values())


SECOND = 1 << 32  # the second request of the first job


@pytest.mark.parametrize("engine", [{"refuse": [SECOND]}, {"too_long": [SECOND]}, {"refuse": [0]}, {"too_long": [0]}])
@pytest.mark.parametrize("parallel", [1, 2, 4])
def test_a_field_that_cannot_be_asked_fails_its_page_and_no_other(files, pictures, engine, parallel):
    fake = FakeEngine(parallel, **engine)
    found = outcomes(events(files, pictures[:3], fake, {"schema": TWO}))
    assert [type(each) for each in found] == [Failure, Answer, Answer]
    assert found[0].error == "DoesNotFitError"
    assert not fake.taken and not files._opened


@pytest.mark.parametrize("stuck", [0, SECOND])
@pytest.mark.parametrize("parallel", [1, 3])
def test_a_field_that_takes_too_long_fails_its_page_and_the_others_go_on(files, pictures, stuck, parallel):
    fake = FakeEngine(parallel, stuck=[stuck])
    found = outcomes(events(files, pictures[:2], fake, {"schema": TWO}, timeout_s=0.2))
    assert [type(each) for each in found] == [Failure, Answer] and found[0].error == "TookTooLongError"
    assert stuck in fake.cancelled and not fake.taken


def test_a_run_that_is_left_takes_back_every_field(files, pictures):
    fake = FakeEngine(4, stuck=[0, SECOND])
    jobs = docvqa(files, pictures[:2], template(schema=TWO), Access())
    with closing(run(jobs, fake, files, RunOptions(ordered=False))) as running:
        next(event for event in running if isinstance(event, Answer))
        assert set(fake.taken) == {0, SECOND}
    assert not fake.taken


# ---- with the real model


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    keeping = Keeping(tmp_path_factory.mktemp("store"), 10**8)
    with Reader(builtin(), EngineOptions(parallel=3), keeping, RunOptions()) as opened:
        yield opened


def read(reader, paths, question, verb=docvqa):
    return list(reader.read(verb(reader.files, [str(path) for path in paths], question, Access())))


def test_eight_forms_give_eight_valid_objects_and_what_is_absent_is_null(reader, tmp_path):
    truths = [draw_form(tmp_path / f"{n}.png", n) for n in range(8)]
    schema = schema_of_fields("name,date:date,total:number,phone,paid:bool")
    found = read(reader, [tmp_path / f"{n}.png" for n in range(8)], template("", "auto", schema=schema))
    right = 0
    for answer, truth in zip(found, truths, strict=True):
        assert json.loads(answer.text) == answer.data and list(answer.data) == [
            "name",
            "date",
            "total",
            "phone",
            "paid",
        ]
        total = None if answer.data["total"] is None else f"${answer.data['total']:.2f}"
        right += sum(
            a == truth[b] for a, b in ((answer.data["name"], "name"), (total, "total"), (answer.data["date"], "date"))
        )
        assert answer.generation.counts.encodes > 0
    assert right >= 20  # of 24


def test_what_was_found_is_kept_and_comes_back_the_same(reader, tmp_path):
    draw_form(tmp_path / "form.png", 3)
    for question in (template("", "auto", schema=TWO), template("Is there a date?", "auto", choices=CHOICES)):
        [first] = read(reader, [tmp_path / "form.png"], question)
        [again] = read(reader, [tmp_path / "form.png"], question)
        assert not first.cached and again.cached and again.generation.counts.encodes == 0
        assert (again.text, again.data, again.choices) == (first.text, first.data, first.choices)
        assert (first.data is None) != (first.choices is None)


def test_a_second_question_about_a_page_encodes_nothing(reader, tmp_path):
    draw_form(tmp_path / "form.png", 400)
    [first] = read(reader, [tmp_path / "form.png"], template("Read it.", "auto"))
    assert first.generation.counts.encodes > 0
    for question in ({"schema": TWO}, {"choices": CHOICES}):
        [answer] = read(reader, [tmp_path / "form.png"], template("What?", "auto", **question))
        assert answer.generation.counts.encodes == 0


def test_values_are_held_against_the_pages_own_text_and_only_where_all_pages_have_some(reader, tmp_path):
    draw_pdf(tmp_path / "a.pdf", [{"text": "Total: 84", "size": (200, 90), "height": 24}])
    draw_pdf(tmp_path / "b.pdf", [{"text": "Total: 84", "size": (200, 90), "height": 24}])
    question = template("", "auto", schema=schema_of_fields("total:number"))
    [answer] = read(reader, [tmp_path / "a.pdf"], question)
    assert answer.data == {"total": 84} and answer.warnings == ()
    import pymupdf

    with pymupdf.open(tmp_path / "b.pdf") as document:  # another text than what is seen: white letters say 99
        page = document[0]
        page.add_redact_annot(page.rect)
        picture = page.get_pixmap(dpi=200)
        page.apply_redactions()
        page.insert_image(page.rect, pixmap=picture)
        page.insert_text((5, 80), "Total: 99", fontsize=6, render_mode=3)
        document.save(tmp_path / "c.pdf")
    [answer] = read(reader, [tmp_path / "c.pdf"], question)
    assert answer.data == {"total": 84}
    assert answer.warnings == ("total: 84 is not in the page's own text.",)
    draw_form(tmp_path / "form.png", 5)
    [together] = read(reader, [tmp_path / "c.pdf", tmp_path / "form.png"], question, ask)
    assert not [warning for warning in together.warnings if "own text" in warning]


def test_a_schema_and_no_schema_about_the_same_page_do_not_share_what_only_one_of_them_wants(reader, tmp_path):
    draw_pdf(tmp_path / "a.pdf", [{"text": "Total: 84", "size": (200, 90), "height": 24}])
    plain, held = template("Read it.", "auto"), template("", "auto", schema=schema_of_fields("total:number"))
    both = Template((*plain.questions, *held.questions), plain.look, plain.sampling)
    found = read(reader, [tmp_path / "a.pdf"], both)
    assert found[0].data is None and found[1].data == {"total": 84}


def test_text_that_is_drawn_by_chance_is_still_valid_json(reader, tmp_path):
    draw_form(tmp_path / "form.png", 6)
    schema = schema_of_fields("name,total:number,date:date,lines[]")
    for seed in range(2):
        question = Template(
            (Question(Words(), "", schema=schema),), Look("low"), Sampling(5.0, seed=seed, max_tokens=20)
        )
        [answer] = read(reader, [tmp_path / "form.png"], question)
        assert json.loads(answer.text) == answer.data and answer.seed == seed
