"""--schema, --fields and --choices as they are typed: one JSON object, one of some words, or a sentence."""

import json

import pytest
from drawing import draw_pdf
from forms import draw_form

FORM = {}  # what form.png says


@pytest.fixture(scope="module")
def papers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("papers")
    draw_pdf(folder / "bill.pdf", [{"text": f"Total: {n}", "size": (200, 90), "height": 24} for n in (84, 46)])
    FORM.update(draw_form(folder / "form.png", 6))
    schema = {"type": "object", "properties": {"total": {"type": "number"}, "vendor": {"type": "string"}}}
    (folder / "bill.json").write_text(json.dumps(schema))
    return folder


def test_docvqa_prints_an_object_for_each_page(smol, papers):
    done = smol("docvqa", papers / "bill.pdf", "--fields", "total:number", "--per-page")
    assert done.code == 0
    assert [line.split("\t") for line in done.out.splitlines()] == [
        ["page 1", '{"total": 84}'],
        ["page 2", '{"total": 46}'],
    ]


def test_the_object_is_data_in_a_record_and_its_fields_are_in_the_schemas_order(smol, papers):
    done = smol("docvqa", papers / "bill.pdf", "--schema", papers / "bill.json", "--pages", "1", "--json")
    assert done.record["data"] == {"total": 84, "vendor": None} == json.loads(done.record["text"])
    assert list(done.record["data"]) == ["total", "vendor"]
    assert (done.record["prompt"], done.record["question"], done.record["warnings"]) == ("docvqa", "", [])


def test_a_schema_comes_from_standard_input_too(smol_process, papers):
    done = smol_process(
        "ask", papers / "bill.pdf", "--pages", "2", "--schema", "-", stdin=(papers / "bill.json").read_bytes()
    )
    assert done.code == 0 and json.loads(done.out) == {"total": 46, "vendor": None}


def test_ask_caption_and_video_extract_as_well(smol, papers, drawn):
    assert json.loads(smol("ask", papers / "bill.pdf", "--pages", "1", "--fields", "total").out) == {"total": "84"}
    name, line = (
        smol("caption", papers / "form.png", "--fields", "name", "--detail", "auto").out.rstrip("\n").split("\t")
    )
    assert name.endswith("form.png") and json.loads(line) == {"name": FORM["name"]}
    assert json.loads(smol("video", drawn / "clip.mp4", "--fields", "colour", "--frames", "2").out).keys() == {"colour"}


def test_choices_are_answered_with_the_likeliest_and_their_shares_are_in_the_record(smol, papers, drawn):
    asked = ("Is there a total?", "--choices", "no, yes,unclear", "--pages", "1")
    done = smol("ask", papers / "bill.pdf", *asked, "--json")
    choices = done.record["choices"]
    assert list(choices) == ["no", "yes", "unclear"] and sum(choices.values()) == pytest.approx(1, abs=1e-5)
    assert done.record["text"] == max(choices, key=choices.get) == "yes"
    assert done.record["counts"]["new_tokens"] == 0 and done.record["mean_logprob"] is None
    assert smol("docvqa", papers / "bill.pdf", *asked).out == "yes\n"
    shown = smol("ask", papers / "bill.pdf", *asked, "-v").err
    assert "; yes " in shown and " %" in shown
    assert smol("caption", drawn / "exit.png", "-Q", "What does it say?", "--choices", "exit,total").out.endswith(
        "\texit\n"
    )
    assert smol("video", drawn / "clip.mp4", "What is it?", "--choices", "a,b", "--frames", "2").out in ("a\n", "b\n")


def test_a_choice_or_a_field_that_has_a_comma_in_it_is_quoted(smol, papers):
    asked = ("Is there a total?", "--choices", 'no,"yes, of course"', "--pages", "1", "--json")
    assert list(smol("ask", papers / "bill.pdf", *asked).record["choices"]) == ["no", "yes, of course"]
    done = smol(
        "docvqa", papers / "bill.pdf", "--pages", "1", "--fields", '"Total, in all: ",Größe,"a ""b"""', "--json"
    )
    assert list(done.record["data"]) == ["Total, in all", "Größe", 'a "b"']


def test_what_was_extracted_is_known_to_the_next_run(smol, papers, tmp_path, monkeypatch):
    monkeypatch.setenv("SMOL_STORE", "on")
    monkeypatch.setenv("SMOL_STORE_DIR", str(tmp_path))
    asked = ("docvqa", papers / "bill.pdf", "--pages", "1", "--fields", "total:number", "--json")
    first, again = smol(*asked).record, smol(*asked).record
    assert not first["cached"] and again["cached"] and again["data"] == first["data"] == {"total": 84}
    other = smol(*asked[:4], "--fields", "total", "--json").record
    assert not other["cached"] and other["data"] == {"total": "84"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--schema", "nowhere.json"], "No such file"),
        (["--schema", "form.png"], "no UTF-8"),
        (["--schema", "."], "Is a directory"),
        (["--schema", "bill.json", "--fields", "a"], "do not go together"),
        (["--fields", "a", "--choices", "a,b"], "do not go together"),
        (["--fields", ""], "No fields"),
        (["--fields", "a,a"], "twice"),
        (["--fields", "a:dragon"], "dragon"),
        (["--choices", ""], "empty"),
        (["--choices", "yes"], "One choice"),
        (["--choices", "yes,,no"], "empty"),
        (["--choices", "yes,no,yes"], "twice"),
        (["--choices", ",".join(f"choice {n}" for n in range(1000))], "1000 choices"),
        (["--choices", "yes,no"], "no question"),
    ],
)
def test_what_cannot_be_is_a_sentence_before_any_model_is_opened(smol, papers, monkeypatch, options, words):
    monkeypatch.chdir(papers)
    for command in (["docvqa", "bill.pdf"], ["caption", "form.png"], ["video", "form.png"]):
        done = smol(*command, *options, "-m", "nowhere.gguf")
        assert done.code == 2 and done.out == "" and words in done.sentence


@pytest.mark.parametrize(
    "schema",
    [
        '{"type": "object", "properties": {"a": {"$ref": "#/properties/a"}}}',
        '{"type": "object", "properties": {"a": {"$ref": "https://example.org/a.json"}}}',
        json.dumps({"properties": {"a": {"enum": [f"value {n}" for n in range(2000)]}}}),
        "[" * 60_000,
        "{}",
    ],
)
def test_a_hostile_schema_ends_with_code_2_and_a_sentence(smol, papers, tmp_path, schema):
    (tmp_path / "hostile.json").write_text(schema)
    done = smol("docvqa", papers / "bill.pdf", "--schema", tmp_path / "hostile.json", "-m", "nowhere.gguf")
    assert done.code == 2 and ("chema" in done.sentence or "'a'" in done.sentence)


def test_choices_and_conversations_do_not_go_together(smol, papers):
    done = smol("ask", "--messages", papers / "bill.json", "--choices", "a,b")
    assert done.code == 2 and "--choices" in done.sentence
