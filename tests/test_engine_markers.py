"""Position tokens: a vocabulary has all kinds of them, or spells all as text."""

import pytest

from smolcli.engine.facts import check_markers
from smolcli.errors import ModelError

IMAGE_TOKENS = ("<image>", "<fake_token_around_image>")
POSITIONS = ("<global-img>", "<row_1_col_1>", "<row_1_col_2>", "<row_2_col_1>", "<row_2_col_2>")


def vocabulary(*tokens):
    return {token: number for number, token in enumerate(tokens)}


@pytest.mark.parametrize("positions", [(), POSITIONS], ids=["as text", "as tokens"])
def test_a_vocabulary_with_all_or_none_of_the_position_tokens_is_sound(positions):
    check_markers("model.gguf", vocabulary(*IMAGE_TOKENS, *positions))


@pytest.mark.parametrize("positions", [POSITIONS[:1], POSITIONS[1:]], ids=["global view only", "grid only"])
def test_a_vocabulary_with_some_of_the_position_tokens_is_refused(positions):
    with pytest.raises(ModelError, match="only some of the position tokens"):
        check_markers("model.gguf", vocabulary(*IMAGE_TOKENS, *positions))


@pytest.mark.parametrize("missing", IMAGE_TOKENS)
def test_a_vocabulary_without_an_image_token_is_not_of_the_family(missing):
    rest = [token for token in IMAGE_TOKENS if token != missing]
    with pytest.raises(ModelError, match=missing):
        check_markers("model.gguf", vocabulary(*rest, *POSITIONS))
