"""What ends an answer's text: stop strings, wherever its pieces are cut, and blocks of DocTags that go round."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smolcli.engine.blockguard import EVERY, BlockGuard
from smolcli.engine.stopstrings import StopStrings
from smolcli.engine.textstream import TextStream

LETTERS = st.text("ab<", max_size=30)


def expected(text, stops):
    """The text before the first end of a stop string, and of those that end there before the longest."""
    places = [text.find(stop) for stop in stops if stop in text]
    return text[: min(places)] if places else text


@settings(deadline=None)
@given(LETTERS, st.lists(st.text("ab<", min_size=1, max_size=4), max_size=3), st.data())
def test_a_stop_string_ends_the_text_wherever_pieces_are_cut(text, stops, data):
    stopper, shown, rest = StopStrings(stops), "", text
    while rest and not stopper.stopped:
        size = data.draw(st.integers(1, len(rest)))
        piece, rest = rest[:size], rest[size:]
        shown += stopper.feed(piece)
        assert not any(stop in shown for stop in stops)
    assert shown + stopper.finish() == expected(text[: len(text) - len(rest)], stops)
    assert stopper.stopped == any(stop in text for stop in stops)


@settings(deadline=None)
@given(st.text(max_size=60))
def test_without_stop_strings_nothing_is_held_back(text):
    stopper = StopStrings(())
    assert stopper.feed(text) == text
    assert stopper.finish() == ""


def streamed(tokens, **options):
    stream, shown = TextStream(**options), ""
    for token in tokens:
        shown += stream.feed(token.encode())
        if stream.stopped or stream.looping:
            break
    assert shown + stream.finish() == stream.text
    return stream


def test_the_beginning_of_a_stop_string_is_text_where_it_is_not_finished():
    assert streamed(["a </do", "ct>", "</doc"], stop=["</doctag>"]).text == "a </doct></doc"
    stream = streamed(["a </do", "cta", "g> b"], stop=["</doctag>"])
    assert (stream.text, stream.stopped) == ("a", True)


def test_a_stop_string_that_comes_with_the_last_bytes_of_a_letter_is_seen():
    stream = TextStream(["é"])
    assert stream.feed(b"x\xc3") + stream.feed(b"\xa9y") + stream.finish() == "x"
    assert stream.stopped


# ---- DocTags


def block(words, *place, tag="text"):
    return f"<{tag}>" + "".join(f"<loc_{value}>" for value in place) + f"{words}</{tag}>"


def goes_round(tokens):
    guard = BlockGuard()
    for token in tokens:
        guard.feed(token)
    return guard.looping


LOOPS = {
    "in one place": [block("A", 1, 2, 3, 4)] * EVERY,
    "marching down": [block("A", 10, 10 * n, 90, 10 * n + 8) for n in range(EVERY)],
    "marching across": [block("A", 10 * n, 10, 10 * n + 8, 20, tag="picture") for n in range(EVERY)],
    "in a list": ["<unordered_list>"] + [block("A", 10, 10 * n, 90, 10 * n + 8, tag="list_item") for n in range(EVERY)],
    "three at the end": [block(f"{n}", 1, n, 3, 9) for n in range(EVERY - 3)] + [block("A", 1, 2, 3, 4)] * 3,
}
HONEST = {
    "other words": [block(f"{n}", 10, 10 * n, 90, 10 * n + 8) for n in range(EVERY)],
    "two in one place": [block("A" if n % 3 else "B", 1, 2, 3, 4) for n in range(EVERY)],
    "uneven places": [block("A", 10, n * n, 90, n * n + 8) for n in range(EVERY)],
    "other tags": [block("A", 1, 2, 3, 4, tag=f"section_header_level_{n % 2 + 1}") for n in range(EVERY)],
    "no blocks": ["a "] * 300,
    "open blocks": ["<text><loc_1>"] * 300,
}


@pytest.mark.parametrize("tokens", LOOPS.values(), ids=LOOPS)
def test_blocks_that_go_round_are_seen(tokens):
    assert goes_round(tokens)


@pytest.mark.parametrize("tokens", HONEST.values(), ids=HONEST)
def test_blocks_that_only_look_alike_are_not(tokens):
    assert not goes_round(tokens)


def test_only_a_doctags_answer_is_watched_for_blocks():
    marching = LOOPS["marching down"] * 2
    assert not streamed(marching).looping
    stream = streamed(marching, doctags=True)
    assert stream.looping and stream.text.startswith(marching[0])


def test_a_table_of_empty_cells_is_honest_in_doctags_and_one_without_end_is_not():
    row = ["<ecel>"] * 4 + ["<nl>"]
    assert not streamed(["<otsl>", *row * 30, "</otsl>"], doctags=True).looping
    assert streamed(row * 60, doctags=True).looping
    assert streamed(row * 30).looping  # in any other text that is a loop


@settings(deadline=None)
@given(st.text("ab<>/_ \n1", max_size=80), st.integers(1, 7))
def test_a_page_that_does_not_loop_loses_nothing(text, size):
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    stream = streamed(pieces, doctags=True)
    assert stream.looping or stream.text == text.strip()
