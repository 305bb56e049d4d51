"""Choices and schemas in the loop: in order, in company, kept, with failures and time limits like any other job."""

import json
from contextlib import closing

import pytest
from drawing import draw_pdf, draw_text
from fakes.engine import FACTS, FakeEngine
from forms import draw_form

from smolcli.datatypes import Sampling
from smolcli.extraction import schema_of_fields
from smolcli.generation import Encoded, Piece
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


def test_a_value_that_the_pages_own_text_does_not_hold_is_named_and_kept(files, pictures, tmp_path):
    draw_pdf(tmp_path / "a.pdf", [{"text": "Anna"}, {"text": "answer 1"}, {"fill": [((9, 9, 90, 90), (0, 0, 0))]}])
    found = outcomes(
        events(files, [str(tmp_path / "a.pdf"), pictures[0]], FakeEngine(), {"schema": schema_of_fields("who")})
    )
    assert [answer.data["who"] for answer in found] == [f"answer {n}" for n in range(4)]
    assert [answer.warnings for answer in found] == [("who: 'answer 0' is not in the page's own text.",), (), (), ()]
    together = ask(files, [str(tmp_path / "a.pdf"), pictures[0]], template(schema=TWO), Access())
    both = list(run(together, FakeEngine(), files, RunOptions()))
    assert outcomes(both)[0].warnings == ()  # a picture may hold what the page does not


def test_a_page_with_a_picture_or_a_garbled_layer_is_no_witness(files, pictures, tmp_path):
    import pymupdf

    with pymupdf.open() as document:
        page = document.new_page(width=300, height=200)
        page.insert_text((20, 30), "Anna")
        page.insert_image(pymupdf.Rect(20, 60, 280, 190), filename=pictures[0])
        document.save(tmp_path / "a.pdf")
    [answer] = outcomes(events(files, [str(tmp_path / "a.pdf")], FakeEngine(), {"schema": schema_of_fields("who")}))
    assert answer.warnings == ()


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
    question = reader.template("docvqa", [""]).within(schema_of_fields("name,date:date,total:number,phone,paid:bool"))
    found = read(reader, [tmp_path / f"{n}.png" for n in range(8)], question)
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
