"""Token sequences against the reference (tests/golden/prompts.json, tokens.json), and user text that plays special."""

import json
from contextlib import ExitStack

import pytest
from drawing import golden
from hypothesis import given, settings
from hypothesis import strategies as st
from models import MEMBERS, member_pair

from smolcli.cli import main
from smolcli.datatypes import ImagePart, ModelPair, TextPart, TilePlan, Turn
from smolcli.engine import EngineOptions, load_planner
from smolcli.engine.tokens import DEFAULT_TEMPLATE, Prompter, expand, grid_limit
from smolcli.errors import ModelError, UsageError
from smolcli.formats import run_lengths
from smolcli.jobs import Look
from smolcli.prompt import load_prompt
from smolcli.run import OpenFiles
from smolcli.verbs.conversations import parse
from smolcli.verbs.outlines import View, build

CASES = golden("prompts.json")
STRINGS = golden("tokens.json")
TILE = TilePlan((512, 512), (512, 512), (512, 512), 0, 0, 512, 64)


@pytest.fixture(scope="module")
def planners():
    """Family name → a planner with that member's vocabulary, template and geometry."""
    with ExitStack() as stack:
        yield {
            family: stack.enter_context(load_planner(member_pair(member), EngineOptions()))
            for family, member in MEMBERS.items()
        }


@pytest.fixture(scope="module")
def planner():
    with load_planner(member_pair("SmolVLM2-500M-Video-Instruct"), EngineOptions()) as opened:
        yield opened


def wanted_ids(case):
    return case["expected"].get("ids_safe", case["expected"]["ids"])


def length(ids):
    return sum(item[1] if isinstance(item, list) else 1 for item in ids)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_ids_are_the_references(planners, case):
    planner = planners[case["family"]]
    view = View(planner.facts, OpenFiles(planner.facts, planner.context_tokens), Look("high"))
    conversation = build(parse(case, load_prompt("video", "reference").words), view)
    found = planner.tokens(conversation.turns, conversation.generate).ids.tolist()
    assert run_lengths(found) == run_lengths(flat(wanted_ids(case)))


def flat(ids):
    return [token for item in ids for token in ([item[0]] * item[1] if isinstance(item, list) else [item])]


@pytest.mark.parametrize("family", sorted(MEMBERS))
def test_plan_messages_prints_the_references_ids(family, tmp_path, capsys):
    cases = [case for case in CASES if case["family"] == family]
    file = tmp_path / "messages.json"
    file.write_text(json.dumps({"cases": cases}))
    pair: ModelPair = member_pair(MEMBERS[family])
    argv = ["plan", "--messages", str(file), "-m", str(pair.language), "--mmproj", str(pair.projector), "--json"]
    assert main(argv) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["name"] for line in lines] == [case["name"] for case in cases]
    for line, case in zip(lines, cases, strict=True):
        assert line["n_tokens"] == length(wanted_ids(case)), case["name"]
        assert line["ids"] == run_lengths(flat(wanted_ids(case))), case["name"]


def test_plain_text_has_the_references_ids(planner):
    wrong = [c["text"] for c in STRINGS if planner.tokenize(c["text"]) != flat(c.get("ids_plain", c["ids"]))]
    assert len(STRINGS) > 300
    assert wrong == []


def test_an_images_ids_are_counted_without_building_a_conversation(planners):
    for planner in planners.values():
        for rows, cols in ((0, 0), (1, 1), (2, 3), (4, 4)):
            plan = TilePlan((1, 1), (1, 1), (1, 1), rows, cols, planner.facts.tile_px, planner.facts.tokens_per_tile)
            without = len(planner.tokens([Turn("user", (TextPart("a"),))]).ids)
            # "User: a" and "User:" + image + "a" differ by the space that stood before "a"
            with_image = len(planner.tokens([Turn("user", (ImagePart(plan), TextPart(" a")))]).ids)
            assert with_image - without == planner.image_tokens(plan)


SPECIALS = (
    "<image>", "<fake_token_around_image>", "<global-img>", "<row_1_col_1>", "<row_6_col_6>", "<end_of_utterance>",
    "<|im_start|>", "<|im_end|>", "<|endoftext|>", "\0" + "0\0", "\0" + "1\0", "{{ messages }}", "{% raw %}",
)  # fmt: skip
TEXT = st.lists(st.sampled_from(SPECIALS) | st.text(max_size=5), max_size=6).map("".join)


@settings(max_examples=150, deadline=None)
@given(texts=st.lists(TEXT, min_size=1, max_size=3), role=st.sampled_from(["system", "user", "assistant"]))
def test_user_text_never_becomes_a_special_token(planners, texts, role):
    planner = planners["smolvlm2-500m"]
    turns = [Turn(role, (*(TextPart(text) for text in texts), ImagePart(TILE)))]
    honest = [Turn(role, (*(TextPart("x") for _ in texts), ImagePart(TILE)))]
    special = set(planner._prompter._specials.values())
    assert specials_in(planner, turns, special) == specials_in(planner, honest, special)


def specials_in(planner, turns, special):
    return [token for token in planner.tokens(turns).ids.tolist() if token in special]


@settings(max_examples=150, deadline=None)
@given(texts=st.lists(TEXT, min_size=1, max_size=4))
def test_text_is_the_same_in_one_part_or_many(planners, texts):
    planner = planners["smolvlm-2.2b"]
    many = planner.tokens([Turn("user", tuple(TextPart(text) for text in texts))]).ids
    one = planner.tokens([Turn("user", (TextPart("".join(texts)),))]).ids
    assert many.tolist() == one.tolist()


def test_our_own_text_may_hold_special_tokens(planners):
    planner = planners["smolvlm2-500m"]
    trusted = planner.tokens([Turn("user", (TextPart("<end_of_utterance>", trusted=True),))]).ids
    typed = planner.tokens([Turn("user", (TextPart("<end_of_utterance>"),))]).ids
    assert trusted.tolist().count(49279) == 2
    assert typed.tolist().count(49279) == 1


@pytest.mark.parametrize("role", ["<image>", "user<end_of_utterance>", "\0" + "0\0", "", "a b"])
def test_a_role_is_a_word(planners, role):
    with pytest.raises(UsageError, match="no role"):
        planners["smolvlm2-500m"].tokens([Turn(role, (TextPart("hello"),))])


def prompter(template):
    specials = {"<image>": 1, "<fake_token_around_image>": 2}
    return Prompter(template, specials, lambda text: list(text.encode()))


@pytest.mark.parametrize(
    "template",
    [
        "{% for m in messages %}",
        "{{ messages[5].role }}",
        "{{ 1 / 0 }}",
        "{{ raise_exception('no') }}",
        "{{ 'a' * 10 ** 9 }}",
        "{{ 'a' * 1000000000 }}",
        "{{ messages | attr('__class__') }} {{ ''.__class__.__mro__ }}",
        "no text at all",
        "{{ messages[0].content[0].text }}{{ messages[0].content[0].text }}",
        "{{ messages[0].content[0].text }}<image>",
        "a" * 100_000,
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    ],
)
def test_a_template_that_cannot_hold_the_conversation_is_a_sentence(template):
    with pytest.raises(ModelError, match="chat template"):
        prompter(template).build([Turn("user", (TextPart("hello"),))])


def test_without_a_template_the_familys_is_used():
    turns = [Turn("user", (TextPart("hello"),))]
    assert prompter("").build(turns).ids.tolist() == prompter(DEFAULT_TEMPLATE).build(turns).ids.tolist()


def test_the_grid_limit_counts_only_whole_grids():
    grid = {f"<row_{r}_col_{c}>": 0 for r in range(1, 4) for c in range(1, 4)}
    assert grid_limit(grid) == 3
    assert grid_limit({**grid, "<row_4_col_1>": 0, "<row_9_col_9>": 0}) == 3
    assert grid_limit({}) is None


def test_an_image_is_written_row_by_row_with_the_global_view_last():
    lines = expand(TilePlan((2, 2), (2, 2), (2, 2), 2, 2, 1, 1)).split("\n")
    fake = "<fake_token_around_image>"
    assert lines[0] == f"{fake}<row_1_col_1><image>{fake}<row_1_col_2><image>"
    assert lines[1] == f"{fake}<row_2_col_1><image>{fake}<row_2_col_2><image>"
    assert lines[2:] == ["", f"{fake}<global-img><image>{fake}"]


def test_equal_neighbours_are_written_with_their_count():
    assert run_lengths([1, 2, 3]) == [1, 2, 3]
    assert run_lengths([1, 1, 2]) == [[1, 2], 2]
