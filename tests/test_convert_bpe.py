"""The converter's own byte-pair encoder, which proves a written vocabulary, against 303 golden strings."""

import json
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gguf_convert.bpe import LETTERS, BytePairEncoder
from gguf_convert.checkpoint import open_checkpoint
from gguf_convert.vocab import read_vocab

GOLDEN = Path(__file__).parent / "golden"
CASES = json.loads((GOLDEN / "tokens.json").read_text())["cases"]


@pytest.fixture(scope="module")
def encoder():
    with open_checkpoint(GOLDEN / "gguf" / "tiny-hf") as checkpoint:
        vocab = read_vocab(checkpoint, 49280)
    return BytePairEncoder(vocab.tokens, vocab.types, vocab.merges, vocab.pre)


def test_every_golden_string_has_its_ids(encoder):
    wrong = [case["text"] for case in CASES if encoder.encode(case["text"]) != case["ids"]]
    assert wrong == []


@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_whose_bytes_the_vocabulary_holds_comes_back(encoder, text):
    assume(all(LETTERS[byte] in encoder.tokens[:300] for byte in text.encode()))
    assert encoder.decode(encoder.encode(text)) == text


def test_a_byte_that_the_vocabulary_lacks_is_an_error_and_no_wrong_id(encoder):
    with pytest.raises(KeyError):
        encoder.encode("\U00040000")


def test_digits_are_tokens_of_their_own(encoder):
    assert encoder.encode("2048") == [34, 32, 36, 40]
