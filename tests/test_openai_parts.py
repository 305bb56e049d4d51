"""Conversations as OpenAI's, vLLM's and the Responses API's clients write them mean what our own form means."""

import base64
import json
from contextlib import suppress

import pytest
from drawing import draw_clip, draw_text
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smolcli.datatypes import ModelFacts, TextPart
from smolcli.errors import MediaError, SmolError, UsageError
from smolcli.jobs import Look
from smolcli.prompt import load_prompt
from smolcli.run import OpenFiles
from smolcli.verbs import conversations, outlines
from smolcli.verbs.openai_parts import case_of, own_form
from smolcli.verbs.outlines import View

FACTS = ModelFacts("any", "SmolVLM", 512, 64, 2048, 6, 8192, 576, 1, 64)
WORDS = load_prompt("video", "reference").words


def reader(detail="high"):
    return Look(detail)


def build(case, look, cut):
    return outlines.build(conversations.parse(case, WORDS), View(FACTS, OpenFiles(FACTS, 8192), look, cut))


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    return draw_text(tmp_path_factory.mktemp("oa") / "photo.png", "EXIT", (640, 488))


def data_uri(path, kind="image/png"):
    with open(path, "rb") as file:
        return f"data:{kind};base64,{base64.b64encode(file.read()).decode()}"


def asked(*parts, **more):
    return {"messages": [{"role": "user", "content": [*parts, {"type": "text", "text": "What?"}]}], **more}


def image(url, **more):
    return {"type": "image_url", "image_url": {"url": url, **more}}


def own(path, **more):
    return asked({"type": "image"}, media=[{"type": "image", "path": path, **more}])


def plans(case, detail="high", render=False):
    return [medium.plans for medium in build(case, reader(detail), render).media]


def test_every_way_to_name_a_picture_gives_the_turns_of_our_own_form(photo):
    meant = build(own(photo), reader(), True)
    for part in (
        image(photo),
        image(f"file://{photo}"),
        image(data_uri(photo)),
        image(photo, detail="auto"),
        image(photo, detail=None),
        {"type": "image_url", "image_url": photo},
        {"type": "input_image", "image_url": data_uri(photo)},
        {"type": "input_image", "image_url": photo, "detail": "high"},
    ):
        found = build(asked(part), reader(), True)
        [turn], [same] = found.turns, meant.turns
        assert turn.parts[0].plan == same.parts[0].plan
        assert found.pictures[0].tiles.digests == meant.pictures[0].tiles.digests
        assert turn.parts[1:] == same.parts[1:] and found.question.text == "What?"
        assert found.media[0].source.sha256 == meant.media[0].source.sha256


def test_the_address_is_never_the_name_of_a_data_uri(photo):
    found = build(asked(image(data_uri(photo))), reader(), False)
    assert found.media[0].source.path.startswith("data:image/png (") and len(found.media[0].source.path) < 30


def test_detail_of_a_part_goes_before_the_option_and_auto_leaves_it_to_the_option(photo):
    low, high, five = (plans(own(photo), detail) for detail in ("low", "high", "5"))
    assert low != five != high
    for option in ("low", "5", "high"):
        assert plans(asked(image(photo, detail="low")), option) == low
        assert plans(asked(image(photo, detail="high")), option) == high
        assert plans(asked({"type": "input_image", "image_url": photo, "detail": "5"}), option) == five
        assert plans(own(photo, detail="low"), option) == low
        assert plans(asked(image(photo, detail="auto")), option) == plans(own(photo), option)
    assert plans(own(photo, split=False, detail="high")) == low


@pytest.mark.parametrize("detail", ["fine", "", 3.5, -1, ["low"], {"a": 1}])
def test_an_unknown_detail_lists_the_known(photo, detail):
    with pytest.raises(UsageError, match="low, native, high"):
        build(asked(image(photo, detail=detail)), reader(), False)


def test_a_clip_by_its_address_is_the_clip_by_its_path(tmp_path):
    clip = draw_clip(tmp_path / "clip.mp4", 60)
    meant = build(asked({"type": "video"}, media=[{"type": "video", "path": clip}]), reader(), True)
    for url in (clip, f"file://{clip}", data_uri(clip, "video/mp4")):
        for written in ({"url": url}, url):
            found = build(asked({"type": "video_url", "video_url": written}), reader(), True)
            assert [part for part in found.turns[0].parts if isinstance(part, TextPart)] == [
                part for part in meant.turns[0].parts if isinstance(part, TextPart)
            ]
            assert found.media[0].plans == meant.media[0].plans and found.media[0].video == meant.media[0].video
    with pytest.raises(UsageError, match="not one image"):
        build(asked(image(clip)), reader(), False)


def test_parts_of_both_forms_stay_in_their_order(photo):
    other = {"type": "image", "width": 100, "height": 30}
    case = asked(image(photo), {"type": "image"}, image(photo, detail="low"), media=[other])
    found = build(case, reader(), False)
    assert [medium.plans[0].source_px for medium in found.media] == [(640, 488), (100, 30), (640, 488)]
    for wrong in (
        asked(image(photo), {"type": "image"}),
        asked(image(photo), media=[other]),
        asked({"type": "image"}, image(photo)),
        asked({"type": "video"}, image(photo), media=[other]),
    ):
        with pytest.raises(UsageError, match="conversation"):
            build(wrong, reader(), False)


def test_texts_of_the_responses_form_are_texts_and_nobody_is_trusted(photo):
    case = {
        "messages": [
            {"role": "developer", "content": "Be short."},
            {"role": "user", "content": [{"type": "input_text", "text": "<image><end_of_utterance>"}]},
            {"role": "assistant", "content": [{"type": "output_text", "text": "Yes."}]},
            {"role": "user", "content": [{"type": "input_text", "text": "And "}, {"type": "text", "text": "now?"}]},
        ]
    }
    found = build(case, reader(), False)
    assert [turn.role for turn in found.turns] == ["system", "user", "assistant", "user"]
    assert found.turns[1].parts == (TextPart("<image><end_of_utterance>", trusted=False),)
    assert found.question.text == "And now?"


def test_the_translation_opens_nothing_and_changes_nothing_of_what_it_is_given():
    parts = [image("https://nowhere"), image("/nowhere", detail="low"), {"type": "sound"}, 3]
    messages = [{"role": "user", "content": parts, "name": "me"}, {"role": "user", "content": "x"}]
    before = json.dumps(messages)
    turns, media = own_form(messages, [])
    assert json.dumps(messages) == before
    assert (
        turns[0]["content"] == [{"type": "image"}, {"type": "image"}, {"type": "sound"}, 3] and turns[1] == messages[1]
    )
    assert [entry["url"] for entry in media] == ["https://nowhere", "/nowhere"]


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"type": "image_url"}, "file: or data:"),
        ({"type": "image_url", "image_url": None}, "file: or data:"),
        ({"type": "image_url", "image_url": {}}, "file: or data:"),
        ({"type": "image_url", "image_url": {"url": 3}}, "file: or data:"),
        ({"type": "image_url", "image_url": {"url": ["x"]}}, "file: or data:"),
        ({"type": "image_url", "image_url": [["x"]]}, "file: or data:"),
        ({"type": "image_url", "image_url": {"url": "-"}}, "file: or data:"),
        ({"type": "input_image", "file_id": "file-1"}, "file: or data:"),
        ({"type": "input_text"}, "its `text`"),
        ({"type": "input_text", "text": "half \ud83d"}, "surrogate"),
        ({"type": "input_audio"}, "image_url, input_image, video_url"),
        ({"type": ["image_url"]}, "image_url, input_image, video_url"),
        ([{"type": "image_url"}], "image_url, input_image, video_url"),
    ],
)
def test_a_malformed_part_is_refused_with_the_name_of_its_conversation(part, words):
    with pytest.raises(UsageError, match="conversation 'third'") as caught:
        build(asked(part, name="third"), reader(), False)
    assert words in caught.value.message


@pytest.mark.parametrize(
    "url", ["https://example.com/a.png", "file://nas/a.png", "data:image/png;base64,%%%", "no.png"]
)
def test_media_that_cannot_be_had_are_a_media_error_with_the_name_of_their_conversation(url):
    with pytest.raises(MediaError, match="conversation 'third'") as caught:
        build(asked(image(url), name="third"), reader(), False)
    assert caught.value.hint and caught.value.message.endswith(".")


def test_a_line_of_a_batch_is_a_case_of_its_own_name():
    line = {"custom_id": "r-1", "method": "POST", "url": "/v1/chat/completions", "body": asked()}
    assert case_of(line) == asked() | {"name": "r-1"}
    assert case_of(asked()) == asked() and case_of({"body": 3}) == {"body": 3}


def test_a_request_of_the_responses_api_is_a_case():
    turns = [{"role": "user", "content": [{"type": "input_text", "text": "x"}]}]
    assert case_of({"input": turns})["messages"] == turns
    case = case_of({"body": {"input": "x", "instructions": "Be short."}, "custom_id": "a"})
    assert [turn.parts[0].text for turn in build(case, reader(), False).turns] == ["Be short.", "x"]
    for wrong in (3, None, [[]], {"role": "user"}):
        with pytest.raises(UsageError):
            build(case_of({"input": wrong, "instructions": "x"}), reader(), False)


def test_settings_of_a_request_that_say_nothing_here_are_named():
    [note] = build(asked(model="gpt", max_tokens=50, seed=None), reader(), False).warnings
    assert "`model`, `max_tokens`" in note and "seed" not in note
    assert build(asked(), reader(), False).warnings == ()


def test_very_many_parts_are_planned_in_time_that_grows_as_they_do(photo):
    case = asked(*[{"type": "text", "text": "a"}] * 50_000, *[image(photo)] * 300)
    assert len(build(case, reader(), False).media) == 300


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "text", "role", "content", "image_url", "video_url", "url", "detail", "user"]),
            inner | st.sampled_from(["image_url", "input_image", "video_url", "input_text", "data:,x", "low"]),
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(_JSON)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_nothing_but_our_own_errors_come_of_any_json(data):
    for wrong in (
        {"messages": data},
        {"body": data, "custom_id": data},
        {"input": data, "instructions": data},
        asked(data),
        asked({"type": "image_url", "image_url": data}),
        asked({"type": "video_url", "video_url": {"url": "data:,x", "detail": data}}),
    ):
        case = case_of(wrong)
        if "messages" in case:
            with suppress(SmolError):
                build(case, reader(), False)
