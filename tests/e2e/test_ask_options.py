"""smol ask: its options, how they change an answer, and how wrong ones are refused."""

import json

import pytest
from margins import watch

from smolcli.engine.smolvlm import SmolVLM

SIGN = "What does the sign say?"


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([], "No media"),
        (["What is this?"], "No media"),
        (["exit.png"], "no question"),
        (["exit.png", "total.png"], "no question"),
        (["exit.png", "mistyped.pgn"], "no question"),
        (["exit.png", ""], "empty"),
        (["exit.png", " \n"], "empty"),
        (["exit.png", "-Q", ""], "empty"),
        (["-", "-", "What?"], "only once"),
        (["-", "-Q", "-"], "only once"),
        (["exit.png", "-Q", "@nowhere.txt"], "No such file"),
        (["exit.png", "-Q", "@exit.png"], "not UTF-8"),
        (["exit.png", "What?", "--detail", "medium"], "auto, low, native, high"),
        (["exit.png", "What?", "--detail", "0"], "auto, low, native, high"),
        (["exit.png", "What?", "--hint", "loud"], "brief"),
        (["exit.png", "What?", "--prompt-style", "baroque"], "paper, reference, training"),
        (["exit.png", "What?", "--temp", "nan"], "--temp"),
        (["exit.png", "What?", "--temp", "inf"], "inf"),
        (["exit.png", "What?", "--max-tokens", "0"], "--max-tokens"),
        (["exit.png", "What?", "--context", "10"], "64"),
        (["exit.png", "What?", "--context", "999999"], "2048"),
        (["exit.png", "What?", "--threads", "100000"], "--threads"),
        (["exit.png", "What?", "--device", "abacus"], "auto, cpu, cuda"),
        (["exit.png", "What?", "--messages", "x.json"], "--messages"),
        (["doc.pdf", "What?", "--pages", "4"], "3 pages"),
        (["doc.pdf", "What?", "--pages", "x"], "1-3,7,end"),
        (["exit.png", "What?", "--nonsense"], "--nonsense"),
    ],
)
def test_a_wrong_command_line_is_one_sentence_and_code_2(smol, drawn, monkeypatch, argv, words):
    monkeypatch.chdir(drawn)
    done = smol("ask", *argv)
    assert done.code == 2 and done.out == "" and words in done.sentence


@pytest.mark.parametrize("device", ["cuda", "metal", "vulkan"])
def test_a_backend_that_this_build_lacks_names_the_build_command(smol, drawn, device):
    from smolcli.engine import devices
    from smolcli.engine.placement import BACKENDS

    if any(found.name.startswith(BACKENDS[device]) for found in devices()):
        pytest.skip("this build has it")
    done = smol("ask", drawn / "exit.png", "What?", "--device", device)
    assert done.code == 2 and f"-DGGML_{device.upper()}=on" in done.sentence and "pip install" in done.sentence


def test_explicit_detail_that_does_not_fit_is_code_5_with_the_numbers(smol, textured):
    done = smol("ask", textured[0], "What?", "--detail", "high", "--context", "200")
    assert done.code == 5 and done.out == "" and " 200." in done.sentence and "--detail" in done.sentence


def test_what_does_not_fit_names_all_files_or_the_one_that_is_too_long_by_itself(smol, textured, drawn, tmp_path):
    files = [str(drawn / "exit.png"), str(textured[0])]
    done = smol("ask", *files, "What?", "--detail", "high", "--context", "400")
    assert done.code == 5 and ", ".join(files) in done.sentence
    media = [{"type": "image", "path": path, "detail": how} for path, how in zip(files, ("low", "high"), strict=True)]
    messages = [{"role": "user", "content": [{"type": "image"}, {"type": "image"}]}]
    (tmp_path / "m.json").write_text(json.dumps({"messages": messages, "media": media}))
    for context, named in (("350", ", ".join(files)), ("300", files[1])):
        done = smol("ask", "--messages", tmp_path / "m.json", "--context", context)
        assert done.code == 5 and repr(named) in done.sentence


def test_auto_detail_takes_fewer_tiles_and_says_so(smol, textured):
    full = smol("ask", textured[0], "What?", "--json").record
    done = smol("ask", textured[0], "What?", "--context", "300", "--json")
    assert done.code == 0 and done.record["counts"]["encodes"] < full["counts"]["encodes"]
    said = f"read in {done.record['counts']['encodes']} tiles instead of {full['counts']['encodes']}"
    assert done.err.count(said) == 1 and said in done.record["warnings"][0] and full["warnings"] == []


def test_detail_sets_how_many_tiles_are_encoded(smol, textured):
    found = [smol("ask", textured[0], "What?", "--detail", d, "--json").record for d in ("low", "3", "high")]
    encodes = [record["counts"]["encodes"] for record in found]
    assert encodes[0] == 1 and 1 < encodes[1] <= 3 < encodes[2]


def test_one_new_token_is_one_and_stops_by_length(smol, drawn):
    record = smol("ask", drawn / "exit.png", SIGN, "--max-tokens", "1", "--json").record
    assert record["counts"]["new_tokens"] == 1 and record["stop_reason"] == "length"


def test_a_seed_repeats_a_random_answer(smol, textured):
    argv = (
        "ask",
        textured[0],
        "Describe this image.",
        "--temp",
        "4",
        "--max-tokens",
        "24",
        "--json",
        "--detail",
        "low",
    )
    texts = [smol(*argv, "--seed", seed).record["text"] for seed in (7, 7, 8, 9, 10, 11)]
    assert texts[0] == texts[1] and len(set(texts)) > 1


def test_the_answer_does_not_depend_on_threads_or_company(smol, textured, tmp_path, monkeypatch):
    """Compared up to the first token that is a close call: these pictures hold nothing that the model is sure of."""
    for name in ("add", "step", "close"):
        monkeypatch.setattr(SmolVLM, name, getattr(SmolVLM, name))  # taken back after the test
    watch(tmp_path / "margins.jsonl")
    argv = ("ask", *textured, "-Q", "What is this?", "-Q", "Describe this image.", "--json")
    one = {record["question"]: record["text"] for record in smol(*argv).records}
    alone = [json.loads(line) for line in (tmp_path / "margins.jsonl").read_text().splitlines()]
    many = smol(*argv, "--parallel", "64", "--threads", "3")
    assert many.code == 0 and {record["question"] for record in many.records} == set(one)
    sure = {answer["text"]: answer["sure"] for answer in alone}
    for record in many.records:
        assert record["text"].startswith(sure[one[record["question"]]]), sure


def test_a_system_turn_and_a_style_cost_their_tokens(smol, drawn):
    argv = ("ask", drawn / "exit.png", "What?", "--json", "--detail", "low", "--max-tokens", "2")
    base, system, training = (
        smol(*argv, *more).record["counts"]["prompt_tokens"]
        for more in ((), ("--system", "Be brief."), ("--prompt-style", "training"))
    )
    assert base < system < training


def test_an_own_prompt_file_is_laid_over_the_task(smol, drawn, tmp_path):
    own = tmp_path / "own.toml"
    own.write_text('question = "Q: {question} A:"\nmax_tokens = 2\n[hints]\nloud = " Shout."\n')
    argv = ("ask", drawn / "exit.png", "What?", "--json", "--detail", "low", "--prompt-file", own)
    record = smol(*argv).record
    assert record["prompt"] == "own" and record["counts"]["new_tokens"] == 2
    loud = smol(*argv, "--hint", "loud").record
    assert loud["counts"]["prompt_tokens"] == record["counts"]["prompt_tokens"] + len(" Shout.")  # a byte is a token


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("systm = 'x'", "systm"),
        ("question = 3", "question"),
        ("max_tokens = true", "max_tokens"),
        ("max_tokens = 0", "max_tokens"),
        ("hints = 'x'", "hints"),
        ("hints = {a = 1}", "hints"),
        ("detail = 'medium'", "medium"),
        ("= [", "TOML"),
        ("a = " + "[" * 5000, "TOML"),
        ("\udcff", "cannot be read"),
    ],
)
def test_a_prompt_file_that_cannot_be_is_code_2(smol, drawn, tmp_path, text, words):
    own = tmp_path / "own.toml"
    own.write_bytes(text.encode("utf-8", "surrogateescape"))
    done = smol("ask", drawn / "exit.png", "What?", "--prompt-file", own)
    assert done.code == 2 and words in done.sentence


def test_stats_say_what_it_took(smol, drawn):
    err = smol("ask", drawn / "exit.png", SIGN, "--stats").err
    for word in ("load", "preprocess", "encode", "prefill", "decode", "prompt", "new", "tokens/s", "peak memory"):
        assert word in err


def test_verbose_says_the_models_facts_and_what_each_answer_took(smol, drawn):
    err = smol("ask", drawn / "exit.png", SIGN, "-v").err
    assert "context 2048" in err and "stopped by end" in err


def test_plan_is_shown_on_stderr_and_the_answer_comes(smol, drawn):
    done = smol("ask", drawn / "exit.png", SIGN, "--plan")
    assert "plan:" in done.err and "tokens of 2048" in done.err and "EXIT" in done.out.upper()
