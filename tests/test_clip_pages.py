"""What happens in a clip, in a real browser: the page that shows it, and subtitles that are played."""

from pathlib import Path

import numpy as np
import pytest
from browser import Parts, complaints, contrast, needs_browser, prefers, press, served, waited
from clip_answers import said
from drawing import draw_clip

from smolcli.datatypes import Source
from smolcli.errors import UsageError
from smolcli.formats import Allowed, Form, Outputs, Wanted, find_format
from smolcli.formats.clip_page import MOST_FRAMES, ClipPageWriter

HOSTILE = "<script>document.title='hacked'</script>\"'&amp;</li>"


class Memory:
    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text


def small(place, edge_px):
    return np.full((3, 4, 3), 99, np.uint8)


SMALL = Form(pictures=small)


def page_of(*answers, form=SMALL):
    target = Memory()
    writer = ClipPageWriter(target, form)
    for each in answers:
        writer.answer(each)
    writer.finish()
    return target.text


def story(path):
    """A clip of 4 s, told in two windows and as a whole."""
    source = Source(str(path), "video", "0" * 64)
    yield said("A red dog.", (0.0, 2.0), [0.0, 1.0], source)
    yield said(HOSTILE, (2.0, 4.0), [2.0, 3.0, 3.5], source)
    yield said("A dog, then a cat.", None, [], source)


def test_a_page_shows_the_clip_what_happens_in_it_and_its_frames():
    text = page_of(*story("a b.mp4"))
    parts = Parts(text)
    assert [each["src"] for each in parts.of("video")] == ["./a%20b.mp4"]
    assert [each["data-s"] for each in parts.of("button") if each.get("class") == "frame"] == [
        "0.000", "1.000", "2.000", "3.000", "3.500",
    ]  # fmt: skip
    assert ("caption summary", "A dog, then a cat.") in parts.texts and ("caption", HOSTILE) in parts.texts
    assert len(parts.of("script")) == 1 and "://" not in text


def test_the_name_of_a_clip_is_read_as_text():
    text = page_of(*story("a&<b>.mp4"))
    assert "<title>a&amp;&lt;b&gt;.mp4</title>" in text and "<h1>a&amp;&lt;b&gt;.mp4</h1>" in text


def test_several_clips_are_sections_of_one_page_whichever_order_their_answers_came_in():
    one, other = list(story("a.mp4")), list(story("b.mp4"))
    parts = Parts(page_of(one[0], other[0], one[1], other[1]))
    assert [each["src"] for each in parts.of("video")] == ["./a.mp4", "./b.mp4"]
    assert [each["data-start"] for each in parts.of("li")] == ["0.000", "2.000"] * 2


def test_standard_input_cannot_be_played_and_its_frames_are_shown():
    parts = Parts(page_of(*story("-")))
    assert not parts.of("video") and all("disabled" in each for each in parts.of("button") if "data-s" in each)
    assert len(parts.of("img")) == 5


def test_a_long_clip_shows_some_of_its_frames():
    answers = [said("x", (n * 64.0, n * 64.0 + 64), [n * 64.0 + at for at in range(64)]) for n in range(20)]
    text = page_of(*answers)
    assert 20 <= len(Parts(text).of("img")) <= MOST_FRAMES and "of the 1280 frames" in text


def test_a_page_without_pictures_is_refused():
    with pytest.raises(UsageError, match="shows pictures"):
        page_of(said("x"), form=Form())


def test_the_page_of_a_clip_is_written_as_it_is_named(smol, drawn, tmp_path):
    done = smol("video", "-q", drawn / "clip.mp4", "What is this?", "--html", tmp_path / "a.html")
    assert done.code == 0 and done.out == ""
    parts = Parts((tmp_path / "a.html").read_text())
    [video] = parts.of("video")
    assert video["src"].endswith("/clip.mp4") and len(parts.of("img")) == 3


# ---- in a browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """clip.webm (4 s) and old.mp4, which browsers do not play, each with its page and its subtitles."""
    import cv2

    folder = tmp_path_factory.mktemp("clips")
    writer = cv2.VideoWriter(str(folder / "clip.webm"), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*"VP80"), 10, (96, 64))
    for number in range(40):
        writer.write(np.full((64, 96, 3), 6 * number, np.uint8))
    writer.release()
    draw_clip(folder / "old.mp4", 20)
    for name in ("clip.webm", "old.mp4"):
        for kind in ("html", "vtt"):
            path = str(folder / f"{Path(name).stem}.{kind}")
            outputs = Outputs([Wanted(find_format(kind, Allowed(clips=True)), path)], force=False)
            for answer in story(folder / name):
                outputs.answer(answer, SMALL)
            outputs.finish()
    player = '<video src="clip.webm" muted preload="auto"><track src="clip.vtt" kind="subtitles" default></video>'
    (folder / "player.html").write_text(f"<!DOCTYPE html><link rel=icon href='data:,'>{player}", encoding="utf-8")
    return folder


@pytest.fixture
def opened(browser, folder):
    size = {"width": 1200, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    prefers(browser, "light")
    browser.get((folder / "clip.html").as_uri())
    assert waited(browser, "return document.querySelector('video').readyState > 0")
    yield browser
    assert complaints(browser) == []


NOW = "return document.querySelector('video').currentTime"
HERE = "return [...document.querySelectorAll('.event')].map(event => event.getAttribute('aria-current'))"


@needs_browser
def test_a_click_on_a_frame_or_an_event_is_where_the_clip_goes_on(opened):
    frames, events = (opened.find_elements("class name", name) for name in ("frame", "at"))
    frames[3].click()
    assert opened.execute_script(NOW) == 3.0
    assert waited(opened, f"{HERE.replace('return ', 'const here = ')}; return here[1] === 'true' && here")[0] is None
    events[0].click()
    assert opened.execute_script(NOW) == 0.0
    assert waited(opened, f"{HERE.replace('return ', 'const here = ')}; return here[0] === 'true' && here")[1] is None
    frames[4].find_element("tag name", "img").click()
    assert opened.execute_script(NOW) == 3.5


@needs_browser
def test_the_keyboard_gets_to_every_moment(opened):
    from selenium.webdriver import Keys

    opened.execute_script("document.querySelectorAll('.frame')[1].focus()")
    press(opened, Keys.ENTER)
    assert opened.execute_script(NOW) == 1.0
    press(opened, Keys.TAB, Keys.SPACE)
    assert opened.execute_script(NOW) == 2.0


@needs_browser
def test_hostile_words_do_nothing_and_a_clip_that_is_played_does_not_complain(opened):
    assert opened.title == "clip.webm"
    assert not opened.find_element("class name", "unplayed").is_displayed()
    assert opened.execute_script("return document.querySelectorAll('main script').length") == 0


@needs_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_telephone_and_can_be_read(opened, scheme):
    size = {"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    prefers(opened, scheme)
    assert opened.execute_script("return document.documentElement.scrollWidth") <= 400
    colours = opened.execute_script(
        "return ['.event .caption', '.frame time', '.at time'].map(s => [getComputedStyle(document.querySelector(s))"
        ".color, getComputedStyle(document.querySelector('.event')).backgroundColor])"
    )
    assert all(contrast(*pair) >= 4.5 for pair in colours)


@needs_browser
def test_what_the_browser_cannot_play_is_said_with_a_way_to_it(browser, folder):
    browser.get((folder / "old.html").as_uri())
    assert waited(browser, "return !document.querySelector('.unplayed').hidden")
    link = browser.find_element("css selector", ".unplayed a").get_attribute("href")
    assert link.endswith("/old.mp4")
    browser.get_log("browser")


PLAY = """const video = document.querySelector('video');
window.seen = [];
video.textTracks[0].addEventListener('cuechange', (event) => {
  for (const cue of event.target.activeCues) seen.push(cue.getCueAsHTML().textContent);
});
video.playbackRate = 4;
video.play();"""


@needs_browser
def test_subtitles_are_played(browser, folder):
    with served(folder) as address:
        browser.get(f"{address}/player.html")
        assert waited(browser, "return document.querySelector('track').readyState === 2"), "it is loaded"
        cues = (
            "return [...document.querySelector('video').textTracks[0].cues].map(c => [c.startTime, c.endTime, c.text])"
        )
        found = waited(browser, cues)
        assert [cue[:2] for cue in found] == [[0, 2], [2, 4]]
        browser.execute_script(PLAY)
        assert waited(browser, "return document.querySelector('video').ended")
        seen = browser.execute_script("return seen")
        assert ["".join(text.split()) for text in seen] == ["Areddog.", "".join(HOSTILE.split())]
    assert complaints(browser) == []
