"""smol prompts: what there is, and one as the model reads it."""

import pytest

from smolcli.prompt import names


def test_lists_every_prompt_and_style(smol):
    done = smol("prompts")
    lines = dict(line.split("\t") for line in done.out.splitlines())
    assert done.code == 0 and done.err == ""
    assert list(lines) == [*names(), "styles"]
    assert lines["styles"] == "paper, reference, training"


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("style", ["paper", "reference", "training"])
def test_shows_each_in_each_style_with_its_source(smol, name, style):
    done = smol("prompts", "show", name, "--prompt-style", style, "-Q", "Why {x}?")
    assert done.code == 0 and "<image>" in done.out and "Why {x}?<end_of_utterance>\nAssistant:" in done.out
    assert "# source: " in done.out and ("System: " in done.out) == (style != "reference")


def test_reference_is_the_question_as_typed_after_the_picture(smol):
    out = smol("prompts", "show", "ask", "-Q", "What is this?").out
    assert out.splitlines()[-2:] == ["<|im_start|>User:<image>What is this?<end_of_utterance>", "Assistant:"]


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["show", "sonnet"], ", ".join(names())),
        (["show", "../prompts/ask"], "ask, caption"),
        (["show", "ask", "--prompt-style", "baroque"], "paper, reference, training"),
        (["show", "families"], "ask, caption"),
        (["sing"], "sing"),
    ],
)
def test_unknown_names_list_the_known(smol, argv, words):
    done = smol("prompts", *argv)
    assert done.code == 2 and done.out == "" and words in done.sentence
