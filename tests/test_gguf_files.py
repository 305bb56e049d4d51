"""Model files that lie, are cut off or of another kind: ModelError and a sentence, never an abort or a hang."""

import random
import struct
from pathlib import Path

import pytest
from gguf_damage import Child, Parts, fuzz, retyped, text
from models import TYPES, golden_pair, member_pair, nano_pair

from smolcli.cli import main
from smolcli.datatypes import ModelPair
from smolcli.engine import EngineOptions, load_planner
from smolcli.engine.metadata import GGUFFile
from smolcli.engine.schema import read_language, read_vision
from smolcli.errors import ModelError
from smolcli.models import builtin

FUZZED = 1000  # damaged pairs, about ten seconds; tests/gguf_damage.py runs for as long as one likes


@pytest.fixture(scope="module")
def child():
    opened = Child()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def sound():
    pair = nano_pair()
    return {"lm": pair.language.read_bytes(), "mmproj": pair.projector.read_bytes()}


def refusal(tmp_path, sound, child, which, data):
    """What the engine says when one file of the pair has these bytes; it must be a ModelError."""
    files = {}
    for part in ("lm", "mmproj"):
        files[part] = tmp_path / f"{part}.gguf"
        files[part].write_bytes(data if part == which else sound[part])
    result = child.read((files["lm"], files["mmproj"]))
    assert result.startswith("ModelError: "), result
    sentence = result.removeprefix("ModelError: ")
    assert "Traceback" not in sentence
    assert sentence[-1] in ".`"
    return sentence


def edited(data, change):
    parts = Parts(data)
    change(parts)
    return parts.bytes()


def with_key(data, name, kind, raw):
    """The file with one key of another value, or of another type."""

    def change(parts):
        assert any(key[0] == name for key in parts.keys)
        parts.keys = [(name, kind, raw) if key[0] == name else key for key in parts.keys]

    return edited(data, change)


def test_the_sound_pair_answers(tmp_path, sound, child):
    files = {part: tmp_path / f"{part}.gguf" for part in sound}
    for part, data in sound.items():
        files[part].write_bytes(data)
        assert Parts(data).bytes() == data
    assert child.read((files["lm"], files["mmproj"])).startswith("answered")


@pytest.mark.parametrize("which", ["lm", "mmproj"])
@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is not a GGUF file"),
        (b"GGUF", "is cut off"),
        (b"Once upon a time\n" * 9, "is not a GGUF file"),
        (b"<html><body>not found</body></html>", "is not a GGUF file"),
        (b"GGUF" + struct.pack("<IQQ", 1, 0, 0), "version 1"),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "version"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1 << 40, 1), "claims"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1, 1 << 62), "claims"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 0), "general.architecture is missing"),
        (b"GGUF" + struct.pack("<IQQ", 3, 9, 9) + bytes(1000), "cut off or damaged"),
        (b"PK\x03\x04" + bytes(100), "is not a GGUF file"),
    ],
)
def test_what_is_no_gguf_is_refused(tmp_path, sound, child, which, data, says):
    assert says in refusal(tmp_path, sound, child, which, data)


@pytest.mark.parametrize("which", ["lm", "mmproj"])
def test_a_file_cut_off_anywhere_is_refused(tmp_path, sound, child, which):
    data = sound[which]
    end = Parts(data).header_end
    places = [*range(0, end, max(1, end // 40)), end, (end + len(data)) // 2, len(data) // 2, len(data) - 1]
    for place in places:
        said = refusal(tmp_path, sound, child, which, data[:place])
        assert "cut off" in said or "not a GGUF" in said, (place, said)


REQUIRED = {
    "lm": [
        "general.architecture", "llama.block_count", "llama.context_length", "llama.embedding_length",
        "llama.feed_forward_length", "llama.attention.head_count", "llama.attention.layer_norm_rms_epsilon",
        "tokenizer.ggml.model", "tokenizer.ggml.tokens", "tokenizer.ggml.token_type", "tokenizer.ggml.merges",
    ],
    "mmproj": [
        "general.architecture", "clip.projector_type", "clip.has_vision_encoder", "clip.vision.image_size",
        "clip.vision.patch_size", "clip.vision.embedding_length", "clip.vision.feed_forward_length",
        "clip.vision.block_count", "clip.vision.projection_dim", "clip.vision.attention.head_count",
        "clip.vision.attention.layer_norm_epsilon", "clip.vision.image_mean", "clip.vision.image_std",
        "clip.vision.projector.scale_factor",
    ],
}  # fmt: skip
KEYS = [(which, key) for which, keys in REQUIRED.items() for key in keys]


@pytest.mark.parametrize(("which", "key"), KEYS)
def test_a_required_key_must_be_there_and_be_of_its_type(tmp_path, sound, child, which, key):
    name = key.encode()

    def drop(parts):
        parts.keys = [entry for entry in parts.keys if entry[0] != name]

    kind = next(entry[1] for entry in Parts(sound[which]).keys if entry[0] == name)
    said = [refusal(tmp_path, sound, child, which, edited(sound[which], drop))]
    said.append(refusal(tmp_path, sound, child, which, with_key(sound[which], name, 11, struct.pack("<q", -4))))
    said.append(refusal(tmp_path, sound, child, which, with_key(sound[which], name, 9, struct.pack("<IQ", 4, 0))))
    if kind in (4, 6):
        values = (bytes(4), b"\xff\xff\xff\xff", b"\0\0\0\x7f", b"\0\0\xc0\x7f")
        said += [refusal(tmp_path, sound, child, which, with_key(sound[which], name, kind, raw)) for raw in values]
    assert all("mmproj" in sentence or "lm.gguf" in sentence for sentence in said), said


def test_tokenizer_arrays_must_be_of_one_length(tmp_path, sound, child):
    def types(count):
        return struct.pack("<IQ", 5, count) + struct.pack("<i", 1) * count

    def tokens(values):
        return struct.pack("<IQ", 8, len(values)) + b"".join(map(text, values))

    data = sound["lm"]
    for name, raw, says in [
        (b"token_type", types(3), "token_type"),
        (b"token_type", types(100_000), "token_type"),
        (b"tokens", tokens([b"a", b"b"]), ""),
        (b"tokens", tokens([b"a"] * 290), "twice"),
        (b"tokens", tokens([b"%d" % n for n in range(289)] + [b""]), "empty"),
        (b"tokens", tokens([b"%d" % n for n in range(289)] + [b"a\0b"]), "zero byte"),
        (b"tokens", tokens([b"%d" % n for n in range(289)] + [b"\xff"]), "UTF-8"),
        (b"tokens", struct.pack("<IQ", 8, 1 << 60), "claims"),
        (b"merges", tokens([b"ab"]), "no pair"),
        (b"merges", tokens([b"a b c"]), "no pair"),
        (b"merges", struct.pack("<IQ", 9, 4), "claims"),
    ]:
        assert says in refusal(tmp_path, sound, child, "lm", with_key(data, b"tokenizer.ggml." + name, 9, raw))


@pytest.mark.parametrize("key", ["bos", "eos", "padding", "unknown"])
def test_special_ids_must_be_of_the_vocabulary(tmp_path, sound, child, key):
    name = f"tokenizer.ggml.{key}_token_id".encode()
    for number in (290 + 10, (1 << 32) - 1):
        said = refusal(tmp_path, sound, child, "lm", with_key(sound["lm"], name, 4, struct.pack("<I", number)))
        assert f"{key}_token_id" in said


def changes_of_a_tensor():
    def missing(parts):
        del parts.tensors[3]

    def renamed(parts):
        parts.tensors[3][0] += b"x"

    def doubled(parts):
        parts.tensors[3][0] = parts.tensors[4][0]

    def extra(parts):
        parts.tensors.append([b"blk.0.extra.weight", *parts.tensors[3][1:]])

    def turned(parts):
        tensor = next(t for t in parts.tensors if len(t[1]) == 2 and t[1][0] != t[1][1])
        tensor[1].reverse()

    def far_away(parts):
        parts.tensors[3][3] = 1 << 40

    def beyond_64_bits(parts):
        parts.tensors[3][3] = (1 << 64) - 32

    def odd(parts):
        parts.tensors[3][3] += 1

    def huge(parts):
        parts.tensors[3][1] = [1 << 33, 1 << 33]

    def nothing(parts):
        parts.tensors[3][1][0] = 0

    def five(parts):
        parts.tensors[3][1] = [1] * 5

    def whole_numbers(parts):
        parts.tensors[3][2] = 26  # I32: of the same size as F32

    def unknown_type(parts):
        parts.tensors[3][2] = 77

    return [change for name, change in sorted(locals().items())]


@pytest.mark.parametrize("which", ["lm", "mmproj"])
@pytest.mark.parametrize("change", changes_of_a_tensor(), ids=lambda change: change.__name__)
def test_a_tensor_is_what_and_where_the_keys_promise(tmp_path, sound, child, which, change):
    refusal(tmp_path, sound, child, which, edited(sound[which], change))


@pytest.mark.parametrize(
    ("which", "pattern"), [("mmproj", "position_embd"), ("mmproj", ".bias"), ("mmproj", "ln1.weight"), ("lm", "_norm")]
)
@pytest.mark.parametrize("kind", [1, 30])
def test_types_that_the_graphs_abort_over_are_refused(tmp_path, sound, child, which, pattern, kind):
    said = refusal(
        tmp_path, sound, child, which, retyped(sound[which], lambda name, dims: kind if pattern in name else 0)
    )
    assert "is of type" in said


@pytest.mark.parametrize("kind", [1, 30])
def test_matrices_and_patches_may_be_of_any_float_type(tmp_path, sound, child, kind):
    files = (tmp_path / "lm.gguf", tmp_path / "mmproj.gguf")
    for file, data in zip(files, sound.values(), strict=True):
        file.write_bytes(retyped(data, lambda name, dims: kind if len(dims) > 1 and "position" not in name else 0))
    assert child.read(files).startswith("answered")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("which", ["lm", "mmproj"])
def test_weights_that_are_no_numbers_end_in_a_sentence(tmp_path, sound, child, which, value):
    start = -(-Parts(sound[which]).header_end // 32) * 32
    data = sound[which][:start] + struct.pack("<f", value) * ((len(sound[which]) - start) // 4)
    assert "damaged" in refusal(tmp_path, sound, child, which, data)


def test_swapped_and_foreign_files_are_named():
    pair, other = nano_pair(), golden_pair("f32")
    for files, says in [
        ((pair.projector, pair.projector), "is a vision projector"),
        ((pair.language, pair.language), "not a vision projector"),
        ((pair.projector, pair.language), "is a vision projector"),
        ((pair.language, other.projector), "two different models"),
        ((other.language, pair.projector), "two different models"),
    ]:
        with pytest.raises(ModelError, match=says):
            load_planner(ModelPair(*files, "swapped"), EngineOptions())


def test_other_architectures_are_named(tmp_path, sound, child):
    for which, key, value, says in [
        ("lm", b"general.architecture", b"qwen2", "'qwen2'"),
        ("lm", b"tokenizer.ggml.model", b"llama", "'llama' tokenizer"),
        ("lm", b"tokenizer.ggml.pre", b"tekken", "'tekken'"),
        ("mmproj", b"general.architecture", b"whisper", "'whisper'"),
        ("mmproj", b"clip.projector_type", b"mlp", "'mlp' projector"),
    ]:
        assert says in refusal(tmp_path, sound, child, which, with_key(sound[which], key, 8, text(value)))


def test_a_language_model_without_image_tokens_is_not_of_the_family(tmp_path, sound, child):
    data = sound["lm"].replace(text(b"<image>"), text(b"<IMAGE>"))
    assert "no <image> token" in refusal(tmp_path, sound, child, "lm", data)


def test_missing_files_and_folders_are_sentences(tmp_path):
    for path, says in [(tmp_path, "is a folder"), (tmp_path / "none.gguf", "does not exist")]:
        with pytest.raises(ModelError, match=says):
            GGUFFile(path)


@pytest.mark.parametrize("which", ["lm", "mmproj"])
def test_the_command_line_ends_with_exit_code_4(tmp_path, sound, capfd, which):
    files = {part: tmp_path / f"{part}.gguf" for part in sound}
    for part, data in sound.items():
        files[part].write_bytes(data[: len(data) // 2] if part == which else data)
    code = main(["ask", str(Path(__file__)), "What?", "-m", str(files["lm"]), "--mmproj", str(files["mmproj"])])
    out, err = capfd.readouterr()
    assert (code, out) == (4, "")
    assert err.count("\n") == 1
    assert "is cut off" in err


def test_no_damaged_pair_kills_or_hangs_the_process(tmp_path):
    pair = nano_pair()
    counts = {"answered": 0, "refused": 0}
    for seed, what, result in fuzz((pair.language, pair.projector), iter(range(FUZZED)), tmp_path):
        answered = result.startswith("answered")
        assert answered or result.startswith(("ModelError: ", "DoesNotFitError: ")), f"seed {seed}: {what}: {result}"
        counts["answered" if answered else "refused"] += 1
    assert min(counts.values()) > 50, counts


def test_random_headers_are_refused_by_our_own_check(tmp_path):
    rng = random.Random(11)
    for _ in range(300):
        body = rng.randbytes(rng.randrange(2000))
        path = tmp_path / "random.gguf"
        path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, rng.randrange(5), rng.randrange(1, 5)) + body)
        with pytest.raises(ModelError):
            read_language(GGUFFile(path))


@pytest.mark.parametrize("pair", [*map(golden_pair, TYPES), builtin()], ids=lambda pair: pair.name)
def test_sound_pairs_of_every_type_pass(pair):
    language, projector = GGUFFile(pair.language), GGUFFile(pair.projector)
    assert read_language(language).width == read_vision(projector).text_width


def test_the_header_reads_as_the_gguf_package_reads_it():
    from gguf import GGUFReader

    for path in (builtin().language, builtin().projector, member_pair("SmolVLM-Instruct").projector):
        mine, theirs = GGUFFile(path), GGUFReader(path)
        fields = {key: field for key, field in theirs.fields.items() if not key.startswith("GGUF.")}
        assert {key: mine.get(key) for key in mine.keys} == {key: field.contents() for key, field in fields.items()}
        assert [(t.name, t.shape, t.type, t.n_bytes, t.offset) for t in mine.tensors.values()] == [
            (t.name, tuple(map(int, t.shape)), t.tensor_type.name, int(t.n_bytes), int(t.data_offset))
            for t in theirs.tensors
        ]
