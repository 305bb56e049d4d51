"""The recipe of the built-in model: its vocabulary, and prompts equal to the reference processor's."""

import json
import random
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "examples"))

from train_nano import folder, prompts, vocabulary  # noqa: E402
from train_nano.geometry import UNSPLIT, Layout  # noqa: E402

GOLDEN = ROOT / "tests/golden"


@given(st.text().filter(lambda text: not any(token in text for token in vocabulary.SPECIALS)))
def test_ids_give_back_any_text(text):
    assert vocabulary.decode(vocabulary.encode(text)) == text


def test_special_tokens_are_one_id_each_and_so_are_two_newlines_unless_text_follows():
    assert vocabulary.encode("<|im_start|>a\n\n<image>") == [1, 48 + ord("a"), 304, 5]
    assert vocabulary.encode("\n\n\nb") == [304, 58, 48 + ord("b")]
    assert vocabulary.encode("\n\nb") == [58, 58, 48 + ord("b")]


def test_tokenizer_json_holds_the_same_ids():
    written = folder.tokenizer()["model"]["vocab"]
    letters = folder.byte_letters()
    for byte in range(256):
        assert written[letters[byte]] == vocabulary.FIRST_BYTE + byte
    for token, number in vocabulary.SPECIAL_ID.items():
        assert written[token] == number
    assert len(folder.tokenizer()["added_tokens"]) + 257 == vocabulary.SIZE


def test_the_image_prompt_is_what_the_reference_processor_builds():
    image = "<image>" * 64
    whole = f"<fake_token_around_image><global-img>{image}<fake_token_around_image>"
    question = "Transcribe the text on this page."
    unsplit = f"<|im_start|>User:{whole}{question}<end_of_utterance>\nAssistant:"
    rows = "".join(
        f"<fake_token_around_image><row_{row}_col_1>{image}<fake_token_around_image><row_{row}_col_2>{image}\n"
        for row in (1, 2)
    )
    assert prompts.image_prompt(question, UNSPLIT) == unsplit
    assert prompts.image_prompt(question, Layout(2, 2)) == unsplit.replace(whole, f"{rows}\n{whole}")


def test_the_clip_prompt_is_what_the_reference_processor_builds():
    cases = json.loads((GOLDEN / "prompts.json").read_text())["cases"]
    case = next(each for each in cases if each["name"] == "video-1")
    assert prompts.clip_prompt("Describe this video.", ["00:00"], 1.0) == case["expected"]["prompt"].replace(
        "<image>{64}", "<image>" * 64
    )
    three = prompts.clip_prompt("What happens?", ["00:00", "00:01", "00:02"], 3.2).replace("<image>" * 64, "IMAGE")
    frames = "".join(
        f"\nFrame from 00:0{second}:<fake_token_around_image><global-img>IMAGE<fake_token_around_image>"
        for second in range(3)
    )
    assert three == (
        "<|im_start|>User: You are provided the following series of three frames from a 0:00:03 [H:MM:SS] video.\n"
        f"{frames}\n\nWhat happens?<end_of_utterance>\nAssistant:"
    )


def test_frame_labels_are_the_reference_sampler_s():
    cases = json.loads((GOLDEN / "frames.json").read_text())["cases"]
    checked = 0
    for case in cases:
        if case["fps"] == 1 and abs(case["duration"] * case["native_fps"] - case["total_frames"]) < 0.5:
            labels_ = prompts.frame_labels(case["duration"], case["native_fps"], case["max_frames"])
            assert labels_ == case["expected"]["labels"], case["name"]
            checked += 1
    assert checked > 5


@given(st.integers(0, 10**6))
def test_varied_prompts_keep_the_question_the_media_and_the_end(seed):
    prompt = prompts.image_prompt("What is the total?", Layout(1, 2))
    varied = prompts.varied(random.Random(seed), prompt, "What is the total?")
    assert varied.count("<image>") == 3 * 64
    assert varied.count("What is the total?") == 1
    assert varied.startswith("<|im_start|>") and varied.endswith("<end_of_utterance>\nAssistant:")
