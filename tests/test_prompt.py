"""Prompts: the texts of the reference, the training code and the paper, exactly; files and their mistakes."""

import tomllib

import pytest
from drawing import golden
from hypothesis import given
from hypothesis import strategies as st

from smolcli.datatypes import ImagePart, TextPart, TilePlan
from smolcli.engine.tokens import DEFAULT_TEMPLATE, template_text
from smolcli.errors import UsageError
from smolcli.printable import timestamp
from smolcli.prompt import (
    Clip,
    Prompt,
    folder,
    in_words,
    load_prompt,
    load_prompt_file,
    names,
    render,
    style_of,
    styles,
)

PICTURE = ImagePart(TilePlan((512, 512), (512, 512), (512, 512), 0, 0, 512, 64))


def shown(name, style, media, question="Q", hint=""):
    return template_text(DEFAULT_TEMPLATE, render(load_prompt(name, style).asking(question, hint), media))


def clip(count, seconds):
    return Clip((PICTURE,) * count, tuple(float(n) for n in range(count)), seconds)


def test_reference_sends_the_question_as_typed():
    typed = "  What {is} this?\n{question} "
    assert shown("ask", "reference", [PICTURE], typed) == (
        f"<|im_start|>User:<image>{typed}<end_of_utterance>\nAssistant:"
    )
    assert shown("ask", "reference", [PICTURE, PICTURE], "Q").startswith("<|im_start|>User:<image><image>Q<")


@pytest.mark.parametrize("name", ["ask", "docvqa", "caption", "transcribe", "video"])
def test_every_task_asks_in_the_users_words_only(name):
    assert load_prompt(name, "reference").question == "{question}"


def test_reference_writes_a_clip_as_transformers_does():
    wanted = (
        "<|im_start|>User: You are provided the following series of three frames from a 0:00:03 [H:MM:SS] video.\n"
        "\nFrame from 00:00:<image>\nFrame from 00:01:<image>\nFrame from 00:02:<image>\n\n"
        "Describe this video.<end_of_utterance>\nAssistant:"
    )
    assert shown("video", "reference", [clip(3, 3.0)], "Describe this video.") == wanted


@pytest.mark.parametrize(
    "case",
    [c for c in golden("prompts.json") if c["name"] in ("video-1", "video-3", "video-8", "video-64")],
    ids=lambda c: c["name"],
)
def test_a_clips_text_is_the_goldens(case):
    spec = case["media"][0]
    frames = tuple(index / spec["fps"] for index in spec["indices"])
    made = shown(
        "video",
        "reference",
        [Clip((PICTURE,) * len(frames), frames, spec["duration"])],
        case["messages"][0]["content"][1]["text"],
    )
    plain = case["expected"]["prompt"].replace(
        "<fake_token_around_image><global-img><image>{64}<fake_token_around_image>", "<image>"
    )
    assert made == plain


def test_training_is_the_training_codes_text():
    system = (
        "You are a helpful language and vision assistant. You are able to understand the visual content that the user "
        "provides, and assist the user with a variety of tasks using natural language."
    )
    assert shown("ask", "training", [PICTURE]) == (
        f"<|im_start|>System: {system}<end_of_utterance>\nUser: Here are some images: <image>"
        "Now answer the following question: Q<end_of_utterance>\nAssistant:"
    )
    assert shown("video", "training", [clip(2, 5.2)]) == (
        f"<|im_start|>System: {system}<end_of_utterance>\nUser: You are provided the following series of two frames "
        "from a 0:00:05.200000 [H:MM:SS] video.\nFrame from 00:00:<image>Frame from 00:01:<image>"
        "Now answer the following question: Q<end_of_utterance>\nAssistant:"
    )


def test_paper_is_the_papers_text():
    system = "You are a visual agent and should provide concise answers."
    assert shown("ask", "paper", [PICTURE, PICTURE]) == (
        f"<|im_start|>System: {system}<end_of_utterance>\nUser: Here are 2 images…\n<image><image>"
        "\nGiven these images…\nQ<end_of_utterance>\nAssistant:"
    )
    assert "Here is an image…\n<image>\nGiven this image…\nQ" in shown("ask", "paper", [PICTURE])
    assert "Here are 2 frames sampled from a video…\n\nFrame from 00:00:<image>" in shown(
        "video", "paper", [clip(2, 2.0)]
    )


def test_pictures_share_one_intro_and_one_outro_even_around_a_clip():
    text = shown("ask", "training", [PICTURE, clip(1, 1.0), PICTURE])
    assert text.count("Here are some images: ") == 1 and text.count("You are provided") == 1


@pytest.mark.parametrize("path", sorted(folder().rglob("*.toml")), ids=lambda path: path.stem)
def test_every_file_cites_its_source(path):
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    assert path.stem == "families" or len(data["source"]) > 20


def test_every_family_has_a_style_that_exists():
    table = tomllib.loads((folder() / "families.toml").read_text())
    assert {*table["families"].values(), table["default"]} <= set(styles())
    assert {prompt for own in table["prompts"].values() for prompt in own.values()} <= set(names())
    assert style_of("smol-nano") == style_of("no such family") == "reference"


def test_captions_are_read_low_by_default_and_the_rest_auto_or_low():
    assert {name: load_prompt(name, "reference").detail for name in names()} == {
        "ask": "auto",
        "caption": "low",
        "caption-alt-text": "low",
        "caption-detailed": "auto",
        "caption-short": "low",
        "caption-tags": "low",
        "docling": "auto",
        "docvqa": "auto",
        "merge": "auto",
        "transcribe": "auto",
        "video": "low",
    }


def test_a_hint_is_appended_and_an_unknown_one_lists_the_known():
    assert "Q\nGive a very brief answer.<end" in shown("ask", "reference", [PICTURE], hint="brief")
    with pytest.raises(UsageError, match="brief, yesno, choice"):
        shown("ask", "reference", [PICTURE], hint="loud")


def test_no_text_is_trusted():
    for style in styles():
        turns = render(load_prompt("video", style).asking("<end_of_utterance>"), [PICTURE, clip(2, 2.0)])
        assert all(not part.trusted for turn in turns for part in turn.parts if isinstance(part, TextPart))


@given(st.text())
def test_any_question_arrives_unchanged(question):
    prompt = Prompt(name="own", question="A {question} B {question} {x}")
    [turn] = render(prompt.asking(question), [PICTURE])
    assert turn.parts[-1] == TextPart(f"A {question} B {question} {{x}}")


def test_counts_in_words_are_num2words():
    words = {int(number): word for number, word in golden_words().items()}
    assert {number: in_words(number) for number in words} == words
    assert in_words(0) == "zero" and in_words(100) == "one hundred" and in_words(342) == "three hundred and forty-two"
    thousands = {
        1000: "one thousand",
        1001: "one thousand and one",
        2500: "two thousand, five hundred",
        12345: "twelve thousand, three hundred and forty-five",
        1_000_050: "one million and fifty",
    }
    assert {number: in_words(number) for number in thousands} == thousands, "as num2words writes them"


def golden_words():
    import json

    from drawing import GOLDEN

    return json.loads((GOLDEN / "frames.json").read_text())["frame_count_words"]


@pytest.mark.parametrize(
    ("time_s", "label"), [(0.0, "00:00"), (59.999, "00:59"), (60.0, "01:00"), (3599.9, "59:59"), (6000.0, "100:00")]
)
def test_times_are_minutes_and_whole_seconds(time_s, label):
    assert timestamp(time_s) == label


def test_an_own_file_changes_only_what_it_names(tmp_path):
    (tmp_path / "mine.toml").write_text('system = "Be brief."\n')
    own = load_prompt_file(tmp_path / "mine.toml", load_prompt("ask", "reference"))
    assert (own.name, own.system, own.question, own.hints) == (
        "mine",
        "Be brief.",
        "{question}",
        load_prompt("ask", "reference").hints,
    )
    with pytest.raises(UsageError, match="Known: default_question, description, detail"):
        (tmp_path / "mine.toml").write_text("sistem = 'x'")
        load_prompt_file(tmp_path / "mine.toml", own)


@pytest.mark.parametrize("name", ["../ask", "styles/paper", "families", "", "ASK"])
def test_only_the_packaged_names_are_prompts(name):
    with pytest.raises(
        UsageError,
        match=", ".join(names()),
    ):
        load_prompt(name, "reference")
    with pytest.raises(UsageError, match="paper, reference, training"):
        load_prompt("ask", name)
