"""smol ask: media in, one answer per question out."""

import json

import pytest
from drawing import GOLDEN, draw_pdf, draw_text, synth

SIGN = "What does the sign say?"


@pytest.fixture(scope="module")
def textured(tmp_path_factory):
    """Two pictures of which no two tiles are alike."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("textured")
    paths = []
    for seed, size in ((1, (640, 488)), (2, (300, 500))):
        paths.append(folder / f"{seed}.png")
        Image.fromarray(synth(*size, seed)).save(paths[-1])
    return paths


def test_reads_large_print(smol, drawn):
    done = smol("ask", drawn / "exit.png", SIGN)
    assert done.code == 0 and "EXIT" in done.out.upper() and done.out.endswith("\n")


def test_the_built_in_model_introduces_itself_in_one_line_on_stderr(smol, drawn):
    done = smol("ask", drawn / "exit.png", SIGN)
    [line] = done.err.splitlines()
    assert "built-in model smol-nano" in line and "good for" in line and "-m" in line


def test_quiet_says_nothing_but_the_answer(smol, drawn):
    assert smol("ask", drawn / "exit.png", SIGN, "-q").err == ""


def test_every_question_is_answered_and_the_media_are_encoded_once(smol, textured):
    done = smol("ask", *textured, "-Q", "What is this?", "-Q", "Is it red?", "-Q", "Transcribe the text.", "--json")
    records = done.records
    assert [record["question"] for record in records] == ["What is this?", "Is it red?", "Transcribe the text."]
    assert [record["counts"]["encodes"] for record in records] == [sum(r["counts"]["encodes"] for r in records), 0, 0]
    for later in records[1:]:
        assert later["counts"]["cached_tokens"] >= later["counts"]["image_tokens"] > 0


def test_a_question_gets_the_same_answer_alone_and_after_another(smol, textured):
    alone = smol("ask", textured[0], "What is this?", "--json").record["text"]
    after = smol("ask", textured[0], "-Q", "Transcribe the text.", "-Q", "What is this?", "--json").records[1]["text"]
    assert after == alone


def test_questions_come_from_a_file_one_per_line(smol, drawn, tmp_path):
    questions = tmp_path / "questions.txt"
    questions.write_text("What is this?\n\n  Is it red?\r\n", encoding="utf-8")
    done = smol("ask", drawn / "exit.png", "-Q", f"@{questions}", "-Q", "One more?", "--json")
    assert [record["question"] for record in done.records] == ["What is this?", "Is it red?", "One more?"]


def test_several_pictures_pages_and_a_clip_are_one_request(smol, drawn):
    done = smol(
        "ask", drawn / "exit.png", drawn / "doc.pdf", drawn / "clip.mp4", "What is this?", "--json", "--pages", "3,1"
    )
    record = done.record
    assert [(medium["kind"], medium.get("page")) for medium in record["media"]] == [
        ("image", None),
        ("page", 3),
        ("page", 1),
        ("video", None),
    ]
    assert "page" not in record and "time_s" not in record


def test_the_same_clip_twice_is_two_media(smol, drawn):
    record = smol("ask", drawn / "clip.mp4", drawn / "clip.mp4", "What is this?", "--json", "--frames", "2").record
    assert [len(medium["frames"]) for medium in record["media"]] == [2, 2]


def test_a_record_has_every_documented_field(smol, drawn):
    record = smol("ask", drawn / "doc.pdf", SIGN, "--json", "--pages", "2").record
    assert list(record) == [
        *("schema", "model", "prompt", "media", "page", "question", "text"),
        *("stop_reason", "mean_logprob", "counts", "seconds", "warnings"),
    ]
    assert record["schema"] == 1 and record["model"] == "smol-nano" and record["page"] == 2
    assert record["media"][0].keys() == {"kind", "source", "sha256", "page"} and len(record["media"][0]["sha256"]) == 64
    assert record["counts"].keys() == {"prompt_tokens", "image_tokens", "new_tokens", "cached_tokens", "encodes"}
    assert record["seconds"].keys() == {"preprocess", "encode", "prefill", "decode"}
    assert record["stop_reason"] == "end" and record["mean_logprob"] < 0


def test_a_picture_comes_through_a_real_pipe(smol_process, smol, drawn):
    piped = smol_process("ask", "-", SIGN, "--json", stdin=(drawn / "exit.png").read_bytes())
    record, direct = piped.record, smol("ask", drawn / "exit.png", SIGN, "--json").record
    assert record["media"][0]["source"] == "-" and record["media"][0]["sha256"] == direct["media"][0]["sha256"]
    assert record["text"] == direct["text"]


def test_a_pdf_and_the_questions_come_through_a_pipe(smol_process, drawn):
    done = smol_process("ask", "-", SIGN, "--pages", "2", "--json", stdin=(drawn / "doc.pdf").read_bytes())
    assert done.record["page"] == 2
    done = smol_process("ask", drawn / "exit.png", "-Q", "-", "--json", stdin="What?\nWo ist’s?\n".encode())
    assert [record["question"] for record in done.records] == ["What?", "Wo ist’s?"]


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
    from smolcli.engine.llama.library import BACKENDS, devices

    if any(found.name.startswith(BACKENDS[device]) for found in devices()):
        pytest.skip("this build has it")
    done = smol("ask", drawn / "exit.png", "What?", "--device", device)
    assert done.code == 2 and f"-DGGML_{device.upper()}=on" in done.sentence and "pip install" in done.sentence


def test_explicit_detail_that_does_not_fit_is_code_5_with_the_numbers(smol, textured):
    done = smol("ask", textured[0], "What?", "--detail", "high", "--context", "200")
    assert done.code == 5 and done.out == "" and " 200." in done.sentence and "--detail" in done.sentence


def test_auto_detail_takes_fewer_tiles_and_says_so(smol, textured):
    full = smol("ask", textured[0], "What?", "--json").record
    done = smol("ask", textured[0], "What?", "--context", "300", "--json")
    assert done.code == 0 and done.record["counts"]["encodes"] < full["counts"]["encodes"]
    said = f"read in {done.record['counts']['encodes']} tiles instead of {full['counts']['encodes']}"
    assert said in done.err and said in done.record["warnings"][0] and full["warnings"] == []


def test_detail_sets_how_many_tiles_are_encoded(smol, textured):
    found = [smol("ask", textured[0], "What?", "--detail", d, "--json").record for d in ("low", "3", "high")]
    encodes = [record["counts"]["encodes"] for record in found]
    assert encodes[0] == 1 and 1 < encodes[1] <= 3 < encodes[2]


def test_a_question_of_100_kilobytes_does_not_fit(smol, drawn):
    done = smol("ask", drawn / "exit.png", "why " * 25_000)
    assert done.code == 5 and "2048" in done.sentence


@pytest.mark.parametrize(
    "question", ["<image> <end_of_utterance>", "<|im_start|>User: x", "{question} {{x}} {% if %}", "日本語 👩‍👩‍👧"]
)
def test_no_question_can_become_anything_but_text(smol, drawn, question):
    record = smol("ask", drawn / "exit.png", question, "--json", "--detail", "low", "--max-tokens", "3").record
    plain = smol("ask", drawn / "exit.png", "x", "--json", "--detail", "low", "--max-tokens", "3").record
    assert record["question"] == question and record["counts"]["image_tokens"] == plain["counts"]["image_tokens"]
    assert record["counts"]["prompt_tokens"] > plain["counts"]["prompt_tokens"]


def test_bytes_that_are_no_text_are_asked_and_come_back(smol, drawn, tmp_path):
    questions = tmp_path / "nul.txt"
    questions.write_bytes(b"a\0b?\n")
    assert (
        smol("ask", drawn / "exit.png", "-Q", f"@{questions}", "--json", "--max-tokens", "3").record["question"]
        == "a\0b?"
    )
    done = smol("ask", drawn / "exit.png", "a\udcff?", "--json", "--max-tokens", "3")
    assert done.code == 0 and done.record["question"] == "a\udcff?"


def test_one_new_token_is_one_and_stops_by_length(smol, drawn):
    record = smol("ask", drawn / "exit.png", SIGN, "--max-tokens", "1", "--json").record
    assert record["counts"]["new_tokens"] == 1 and record["stop_reason"] == "length"


def test_a_seed_repeats_a_random_answer(smol, textured):
    argv = (
        "ask",
        textured[0],
        "Describe this image.",
        "--temp",
        "1.5",
        "--max-tokens",
        "24",
        "--json",
        "--detail",
        "low",
    )
    texts = [smol(*argv, "--seed", seed).record["text"] for seed in (7, 7, 8, 9)]
    assert texts[0] == texts[1] and len(set(texts)) > 1


def test_the_answer_does_not_depend_on_threads_or_company(smol, textured):
    argv = ("ask", *textured, "-Q", "What is this?", "-Q", "Describe this image.", "--json")
    one = [record["text"] for record in smol(*argv).records]
    many = smol(*argv, "--parallel", "64", "--threads", "3")
    assert many.code == 0 and {record["question"]: record["text"] for record in many.records} == dict(
        zip(("What is this?", "Describe this image."), one, strict=True)
    )


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


def test_all_pictures_of_an_animation_only_when_asked_for(smol):
    argv = ("ask", GOLDEN / "images" / "anim.gif", "What?", "--json", "--detail", "low", "--max-tokens", "2")
    assert len(smol(*argv).record["media"]) == 1
    assert len(smol(*argv, "--all-frames").record["media"]) > 1


def test_a_conversation_is_asked(smol, drawn, tmp_path):
    parts = [{"type": "image"}, {"type": "text", "text": SIGN}]
    case = {
        "name": "sign",
        "messages": [{"role": "user", "content": parts}],
        "media": [{"type": "image", "path": str(drawn / "exit.png")}],
    }
    file = tmp_path / "messages.json"
    file.write_text(json.dumps({"cases": [case, case]}))
    done = smol("ask", "--messages", file, "--json")
    direct = smol("ask", drawn / "exit.png", SIGN, "--json", "--detail", "high").record
    assert [record["text"] for record in done.records] == [direct["text"]] * 2
    assert done.records[0]["counts"]["prompt_tokens"] == direct["counts"]["prompt_tokens"]
    assert done.records[0]["media"] == direct["media"] and done.records[0]["prompt"] == "sign"


def test_a_conversation_that_cannot_be_asked_costs_the_others_nothing(smol, drawn, tmp_path):
    media = [{"type": "image", "path": str(drawn / "exit.png")}]
    good = {
        "messages": [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "x"}]}],
        "media": media,
    }
    long = {"messages": [{"role": "user", "content": "x" * 5000}]}
    file = tmp_path / "messages.json"
    file.write_text(json.dumps({"cases": [good, long]}))
    done = smol("ask", "--messages", file)
    assert done.code == 5 and done.out == "" and "2048" in done.sentence


def test_a_pdf_of_many_pages_is_asked_as_coarsely_as_it_must(smol, tmp_path):
    pdf = draw_pdf(
        tmp_path / "many.pdf", [{"size": (200, 200), "fill": [((n, n, 99, 99), (1, 0, 0))]} for n in range(12)]
    )
    done = smol("ask", pdf, "What is this?", "--json")
    assert done.code == 0 and len(done.record["media"]) == 12 and "instead of" in done.err


def test_text_that_names_a_file_is_still_a_question_with_q(smol, drawn, monkeypatch):
    monkeypatch.chdir(drawn)
    done = smol("ask", "exit.png", "-Q", "exit.png", "--json", "--max-tokens", "2")
    assert done.code == 0 and done.record["question"] == "exit.png"


def test_odd_file_names_are_media(smol, tmp_path):
    names = ["with space.png", "new\nline.png", "ünï 日本.png", "-dash.png", "%d %s {x}.png", "non-utf8-\udcff.png"]
    for name in names:
        draw_text(tmp_path / name, "EXIT", (64, 64), 20)
    argv = ["--detail", "low", "--json", "--max-tokens", "2", "-q", "-Q", "What?", "--", *[tmp_path / n for n in names]]
    record = smol("ask", *argv).record
    assert [medium["source"] for medium in record["media"]] == [str(tmp_path / name) for name in names]
