"""smol plan: what would be computed, before it is; and that the run then does exactly that."""

import hashlib
import json

import numpy as np
import pytest
from drawing import CLIP_SIZE, draw_pdf, golden, synth

FIELDS = ["schema", "model", "family", "media", "ids", "n_tokens", "context", "fits", "estimated_s"]
FIELDS += ["ram_bytes", "gpu_bytes"]
PICTURE = ["kind", "source", "page", "size", "resized", "rows", "cols", "tile_px", "tokens", "encodes"]
VIDEO = ["kind", "source", "size", "fps", "duration_s", "frames", "tokens", "encodes"]


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    """640×488, no two tiles alike."""
    from PIL import Image

    path = tmp_path_factory.mktemp("picture") / "synth.png"
    Image.fromarray(synth(640, 488, 7)).save(path)
    return path


def length(ids):
    return sum(item[1] if isinstance(item, list) else 1 for item in ids)


def test_a_plan_has_every_documented_field(smol, drawn, picture):
    done = smol(
        "plan", picture, drawn / "doc.pdf", drawn / "clip.mp4", "What?", "--json", "--pages", "2", "--context", "1024"
    )
    plan = done.record
    assert list(plan) == FIELDS and done.code == 0
    assert plan["schema"] == 1 and plan["model"] == "smol-nano" and plan["family"] == "smol-nano"
    image, page, video = plan["media"]
    assert list(image) == list(page) == PICTURE and list(video) == VIDEO
    assert (image["kind"], image["source"], image["page"], image["size"]) == ("image", str(picture), None, [640, 488])
    assert (page["kind"], page["page"]) == ("page", 2)
    assert image["encodes"] == image["rows"] * image["cols"] + 1 or image["rows"] == 0
    assert image["tokens"] == 64 * image["encodes"] and image["tile_px"] == 256
    assert video["size"] == list(CLIP_SIZE) and video["fps"] == 30 and video["duration_s"] == 3.0
    assert video["frames"] == [
        {"index": index, "time_s": index / 30, "label": label}
        for index, label in ((0, "00:00"), (44, "00:01"), (89, "00:02"))
    ]
    assert plan["context"] == 1024 and plan["fits"] is True and length(plan["ids"]) == plan["n_tokens"]
    assert all(isinstance(item, int) or item[1] > 1 for item in plan["ids"])


@pytest.mark.parametrize(
    "more",
    [
        [],
        ["--detail", "low"],
        ["--detail", "3"],
        ["--detail", "native"],
        ["--context", "300"],
        ["--system", "Be brief."],
        ["--prompt-style", "paper"],
    ],
)
def test_the_run_does_what_was_planned(smol, drawn, picture, more):
    argv = (picture, "What is this?", "--json", *more)
    plan, answer = smol("plan", *argv).record, smol("ask", *argv, "--max-tokens", "2").record
    assert plan["n_tokens"] == answer["counts"]["prompt_tokens"]
    assert sum(medium["encodes"] for medium in plan["media"]) == answer["counts"]["encodes"]
    assert sum(medium["tokens"] for medium in plan["media"]) == answer["counts"]["image_tokens"]


def test_a_clip_is_planned_as_it_is_read(smol, drawn):
    argv = (drawn / "clip.mp4", "What is this?", "--json", "--frames", "2")
    plan, answer = smol("plan", *argv).record, smol("ask", *argv).record
    assert plan["n_tokens"] == answer["counts"]["prompt_tokens"] and plan["media"][0]["encodes"] == 2
    assert [f["index"] for f in plan["media"][0]["frames"]] == [f["index"] for f in answer["media"][0]["frames"]]


def test_the_time_is_null_until_this_machine_has_been_measured(smol, picture, tmp_path, monkeypatch):
    monkeypatch.setenv("SMOL_STATE_DIR", str(tmp_path / "state"))
    argv = (picture, "What is this?")
    assert smol("plan", *argv, "--json").record["estimated_s"] is None
    assert "not measured" in smol("plan", *argv).out
    assert smol("ask", *argv, "-q").code == 0
    assert smol("plan", *argv, "--json").record["estimated_s"] > 0
    (tmp_path / "state" / "speeds.json").write_text('{"x": [1], "smol-nano": null}')
    assert smol("plan", *argv, "--json").record["estimated_s"] is None


def test_what_does_not_fit_is_no_error_here(smol, picture):
    done = smol("plan", picture, "What?", "--detail", "high", "--context", "200", "--json")
    assert done.code == 0 and done.record["fits"] is False and done.record["n_tokens"] > 200
    words = smol("plan", picture, "What?", "--detail", "high", "--context", "200")
    assert words.code == 0 and "does not fit" in words.out


def test_500_pages_are_planned_without_drawing_one(smol, tmp_path, monkeypatch):
    from smolcli.media.document import DocumentMedia

    pdf = draw_pdf(tmp_path / "long.pdf", [{"size": (200 + number % 7, 300)} for number in range(500)])
    monkeypatch.setattr(DocumentMedia, "frames", lambda self: pytest.fail("a page was drawn"))
    plan = smol("plan", pdf, "What?", "--json").record
    assert len(plan["media"]) == 500 and plan["media"][499]["page"] == 500 and plan["fits"] is False
    assert {medium["encodes"] for medium in plan["media"]} == {1}, "auto takes the coarsest"


def test_hashes_are_of_the_tiles_that_are_encoded(smol, picture, drawn):
    from smolcli.tiles import Geometry, cut, parse_detail
    from smolcli.tiles import plan as cutting

    image, page, video = smol(
        "plan", picture, drawn / "doc.pdf", drawn / "clip.mp4", "--pages", "1", "--hashes"
    ).record["media"]
    tiles = cut(synth(640, 488, 7), cutting((640, 488), Geometry(256, 64, 512, 2), parse_detail("high")))
    assert image["tile_sha256"] == [hashlib.sha256(np.ascontiguousarray(tile)).hexdigest() for tile in tiles.rgb]
    assert len(page["tile_sha256"]) == page["encodes"] and "tile_sha256" not in video


def test_hashes_of_the_family_are_the_references(smol, tmp_path):
    from models import member_pair
    from PIL import Image

    pair = member_pair("SmolVLM2-500M-Video-Instruct")
    plain = {"name", "family", "width", "height", "seed", "expected"}
    cases = [c for c in golden("preprocess.json") if c.keys() == plain and c["family"] == "smolvlm2-500m"]
    case = next(case for case in cases if case["width"] == 640)
    Image.fromarray(synth(case["width"], case["height"], case["seed"])).save(tmp_path / "case.png")
    argv = (
        "plan",
        tmp_path / "case.png",
        "-m",
        pair.language,
        "--mmproj",
        pair.projector,
        "--detail",
        "high",
        "--hashes",
    )
    [medium] = smol(*argv).record["media"]
    assert medium["resized"] == case["expected"]["resized_size"]
    assert [medium["rows"], medium["cols"]] == [case["expected"]["rows"], case["expected"]["cols"]]
    assert medium["tile_sha256"] == case["expected"]["tile_sha256"]


def test_what_is_odd_about_a_document_is_said_before_it_is_read(smol, drawn, tmp_path):
    whole = (drawn / "doc.pdf").read_bytes()
    (tmp_path / "cut.pdf").write_bytes(whole[: len(whole) - 60])
    done = smol("plan", tmp_path / "cut.pdf", "What?", "--json")
    assert done.code == 0 and "was repaired" in done.err
    assert "too large: drawn at" in smol("plan", drawn / "doc.pdf", "--dpi", "2400").err


def test_no_question_is_no_text(smol, picture, drawn):
    bare, asked = (smol("plan", picture, *more, "--json").record for more in ((), ("x",)))
    assert asked["n_tokens"] == bare["n_tokens"] + 1
    two = smol("plan", picture, drawn / "exit.png", "--json").record
    assert len(two["media"]) == 2


def test_several_questions_are_planned_by_the_longest(smol, picture):
    one = smol("plan", picture, "ÄÖÜ" * 9, "--json").record["n_tokens"]
    assert smol("plan", picture, "-Q", "x" * 30, "-Q", "ÄÖÜ" * 9, "--json").record["n_tokens"] == one


def test_a_plan_goes_into_a_file(smol, picture, tmp_path):
    done = smol("plan", picture, "--json", "-o", tmp_path / "plan.json")
    assert done.code == 0 and done.out == "" and json.loads((tmp_path / "plan.json").read_text())["schema"] == 1
    assert smol("plan", picture, "-o", tmp_path / "plan.json").code == 6


def test_conversations_are_planned_a_line_each(smol, picture, tmp_path):
    parts = [{"type": "image"}, {"type": "text", "text": "What?"}]
    turns = [{"role": "user", "content": parts}]
    case = {"messages": turns, "media": [{"type": "image", "path": str(picture)}]}
    file = tmp_path / "messages.json"
    file.write_text(json.dumps(case))
    one = smol("plan", "--messages", file).record
    direct = smol("plan", picture, "What?", "--detail", "high", "--json").record
    assert one["ids"] == direct["ids"] and one["media"] == direct["media"]
    sized = {"messages": turns, "media": [{"type": "image", "width": 640, "height": 488}]}
    grid = {
        "messages": turns,
        "media": [{"type": "image", "rows": direct["media"][0]["rows"], "cols": direct["media"][0]["cols"]}],
    }
    video = {
        "messages": [{"role": "user", "content": [{"type": "video"}]}],
        "media": [{"type": "video", "indices": [0, 30], "fps": 30}],
    }
    closed = case | {"add_generation_prompt": False, "name": "closed"}
    file.write_text(json.dumps({"cases": [sized, grid, video, closed]}))
    plans = smol("plan", "--messages", file).records
    assert plans[0]["ids"] == plans[1]["ids"] == direct["ids"] and plans[0]["media"][0]["source"] is None
    assert [frame["label"] for frame in plans[2]["media"][0]["frames"]] == ["00:00", "00:01"]
    assert plans[3]["name"] == "closed" and plans[3]["n_tokens"] < direct["n_tokens"]
    hashed = smol("plan", "--messages", file, "--hashes")
    assert hashed.code == 2 and "path" in hashed.sentence


def test_more_frames_than_any_context_holds_are_planned_and_do_not_fit(smol, tmp_path):
    file = tmp_path / "messages.json"
    media = [{"type": "video", "indices": list(range(2500)), "fps": 30}]
    file.write_text(json.dumps({"messages": [{"role": "user", "content": [{"type": "video"}]}], "media": media}))
    done = smol("plan", "--messages", file)
    assert done.code == 0 and done.record["fits"] is False and done.record["media"][0]["encodes"] == 2500


def test_a_device_that_is_not_there_cannot_be_planned_with(smol, picture):
    assert smol("plan", picture, "--device", "abacus").code == 2
