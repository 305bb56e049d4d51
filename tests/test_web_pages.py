"""Pages that show answers: what is in them, and what they do in a real browser (headless Chromium)."""

import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from browser import Parts, complaints, contrast, needs_browser, prefers, press, waited
from PIL import Image, ImageDraw, ImageFont

from smolcli.datatypes import Place, Sampling, Source
from smolcli.errors import UsageError
from smolcli.formats import Form, Outputs, Wanted, find_format
from smolcli.formats.gallery import GalleryWriter
from smolcli.formats.web_page import link_to
from smolcli.generation import Counts, Generation, Seconds
from smolcli.jobs import Answer, Job, Look, Question, Words

HOSTILE = "<script>document.title='hacked'</script><img src=x onerror=alert(1)>\"'&amp;</figcaption>"
CAPTIONS = {
    "b10.png": "A dog on a beach.",
    "b9.png": "Cats, two of them, asleep on a wall.",
    "a.png": "A red car.",
    "<script>alert(1)<!--x'\".png": HOSTILE,
    "ü ?#%.png": "A cat.",
    "javascript:alert(1).png": "A dog and a car in the rain.",
}


def about(path, text, question="", kind="image", page=None):
    place = Place(Source(str(path), kind, "0" * 64), page=page)
    job = Job((place,), Question(Words(), question), Look(), Sampling())
    return Answer(job, ((place,),), "nano", Generation(0, text, "end", Counts(), Seconds(), None))


def small(place, edge_px):
    return np.full((3, 4, 3), 99, np.uint8)


class Memory:
    def __init__(self, keeps=True):
        self.text, self.keeps = "", keeps

    def write(self, text):
        self.text += text if self.keeps else ""


def gallery(*answers, form=Form(pictures=small)):  # noqa: B008
    target = Memory()
    writer = GalleryWriter(target, form)
    for each in answers:
        writer.answer(each)
    writer.finish()
    return target.text


# ---- what is in a gallery


def test_whatever_files_and_captions_say_is_read_as_text():
    parts = Parts(gallery(*(about(name, text) for name, text in CAPTIONS.items())))
    assert len(parts.of("script")) == 1 and len(parts.of("li")) == len(CAPTIONS)
    assert ("caption", HOSTILE) in parts.texts and ("name", "<script>alert(1)<!--x'\".png") in parts.texts
    assert not [attributes for _, attributes in parts.elements if any(name.startswith("on") for name in attributes)]
    links = [attributes["href"] for attributes in parts.of("a") if attributes["href"] != "#"]
    assert len(links) == 2 * len(CAPTIONS) and all(link.startswith("./") for link in links)
    assert "./%C3%BC%20%3F%23%25.png" in links and "./javascript%3Aalert%281%29.png" in links


def test_a_page_loads_nothing_from_anywhere_and_runs_only_its_own_script():
    text = gallery(about("a.png", "x"))
    policy = next(m["content"] for m in Parts(text).of("meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    assert not re.search(r"(?:src|href)=\"(?!data:|\./|#)", text) and "://" not in text


def test_links_lead_from_where_the_page_lies_to_where_the_pictures_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place = about("pics/a b.png", "x").job.places[0]
    assert link_to(place, None) == "./pics/a%20b.png"
    assert link_to(place, "out/web") == "./../../pics/a%20b.png"
    assert link_to(about(tmp_path / "pics" / "a.png", "x").job.places[0], str(tmp_path)) == "./pics/a.png"
    assert link_to(about("a.pdf", "x", kind="page", page=3).job.places[0], None) == "./a.pdf#page=3"
    assert link_to(about("-", "x").job.places[0], None) is None


def test_names_that_are_no_utf8_lead_to_their_files():
    assert link_to(about("a\udcff.png", "x").job.places[0], None) == "./a%FF.png"


def test_several_questions_are_shown_with_their_answers_and_standard_input_leads_nowhere():
    parts = Parts(gallery(about("-", "red", "Which colour?"), form=Form(pictures=small, questions=2)))
    assert ("question", "Which colour?") in parts.texts
    assert [attributes for attributes in parts.of("button") if attributes.get("class") == "open"]
    assert [attributes["href"] for attributes in parts.of("a")] == ["#"]


def test_pictures_are_not_held(tmp_path):
    writer = GalleryWriter(Memory(keeps=False), Form(pictures=lambda place, px: np.zeros((px, px, 3), np.uint8)))
    writer.answer(about("a.png", "x"))
    tracemalloc.start()
    for number in range(100):
        writer.answer(about(f"{number}.png", "x" * 1000))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 200_000


def test_a_gallery_without_pictures_is_refused():
    with pytest.raises(UsageError, match="shows pictures"):
        gallery(about("a.png", "x"), form=Form())


def test_captions_of_a_folder_are_written_as_a_page(smol, tmp_path):
    for name, colour in (("a", "red"), ("b", "blue")):
        picture = Image.new("RGB", (300, 200), colour)
        ImageDraw.Draw(picture).text((150, 100), name, "white", ImageFont.load_default(60), anchor="mm")
        picture.save(tmp_path / f"{name}.png")
    (tmp_path / "bad.png").write_bytes(b"no picture")
    done = smol("caption", "-q", tmp_path, "--html", tmp_path / "g.html")
    assert done.code == 1 and done.out == ""
    parts = Parts((tmp_path / "g.html").read_text())
    assert [each["width"] for each in parts.of("img") if each.get("src")] == ["256", "256"]
    assert [each["href"] for each in parts.of("a") if each.get("class") == "name"] == ["./a.png", "./b.png"]
    again = smol("caption", "-q", tmp_path / "a.png", "-o", tmp_path / "h.htm")
    assert again.code == 0 and "<!DOCTYPE html>" in (tmp_path / "h.htm").read_text()


def test_pages_of_documents_and_frames_of_clips_have_their_pictures_too(smol, drawn, tmp_path):
    assert smol("docvqa", "-q", drawn / "doc.pdf", "What?", "--per-page", "-o", tmp_path / "d.html").code == 0
    assert len(Parts((tmp_path / "d.html").read_text()).of("li")) == 3
    assert smol("ask", "-q", drawn / "clip.mp4", drawn / "exit.png", "What?", "-o", tmp_path / "a.html").code == 0
    assert len([each for each in Parts((tmp_path / "a.html").read_text()).of("img") if each.get("src")]) == 4


# ---- in a browser


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A gallery of CAPTIONS beside its pictures."""
    folder = tmp_path_factory.mktemp("gallery")
    for number, name in enumerate(CAPTIONS):
        Image.new("RGB", (640, 480), (40 * number, 90, 90)).save(folder / name)
    outputs = Outputs([Wanted(find_format("html"), str(folder / "g.html"))], force=False)
    thumbnail = np.full((192, 256, 3), 120, np.uint8)
    for name, text in CAPTIONS.items():
        outputs.answer(about(folder / name, text), Form(pictures=lambda place, px: thumbnail))
    outputs.finish()
    return Path(folder / "g.html").as_uri()


@pytest.fixture
def opened(browser, page):
    """The gallery, 1,000 px wide, in a browser that prefers light pages; what it complains of fails the test."""
    size = {"width": 1000, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    prefers(browser, "light")
    browser.get(page)
    yield browser
    assert complaints(browser) == []


def shown(driver):
    """The captions that are seen, in order."""
    return driver.execute_script(
        "return [...document.querySelectorAll('.card')].filter(card => card.offsetHeight)"
        ".map(card => card.querySelector('.caption').textContent)"
    )


def focused(driver):
    return driver.execute_script(
        "const card = document.activeElement.closest('.card');return card && card.querySelector('.caption').textContent"
    )


FIRST = list(CAPTIONS.values())


@needs_browser
def test_hostile_captions_and_names_do_nothing_in_a_browser(opened):
    assert opened.title == "Captions" and shown(opened) == FIRST
    assert opened.execute_script("return document.querySelectorAll('.card script, .card [onerror]').length") == 0


@needs_browser
def test_search_leaves_what_has_all_words_in_caption_or_name(opened):
    box = opened.find_element("id", "search")
    box.send_keys("CAR dog")
    assert shown(opened) == ["A dog and a car in the rain."]
    assert opened.find_element("id", "count").text == "1 of 6"
    box.clear()
    box.send_keys("b9.png")
    assert shown(opened) == ["Cats, two of them, asleep on a wall."]
    box.clear()
    box.send_keys("giraffe")
    assert shown(opened) == [] and opened.find_element("id", "none").text == "Nothing is found."


@needs_browser
def test_cards_are_sorted_by_name_with_numbers_as_numbers_by_caption_and_as_they_were(opened):
    from selenium.webdriver.support.ui import Select

    sort = Select(opened.find_element("id", "sort"))
    sort.select_by_value("name")
    names = opened.execute_script("return [...document.querySelectorAll('.name')].map(n => n.textContent)")
    ends = [name.rsplit("/", 1)[-1] for name in names]
    assert ends.index("a.png") < ends.index("b9.png") < ends.index("b10.png") < ends.index("ü ?#%.png")
    sort.select_by_value("caption")
    assert shown(opened)[1:] == sorted(FIRST, key=lambda text: text.lower().replace(",", ""))[1:]
    sort.select_by_value("length")
    assert shown(opened)[0] == HOSTILE
    sort.select_by_value("read")
    assert shown(opened) == FIRST


@needs_browser
def test_the_keyboard_moves_searches_and_opens(opened):
    from selenium.webdriver import Keys

    press(opened, "/")
    assert opened.execute_script("return document.activeElement.id") == "search"
    press(opened, "a dog", Keys.ENTER)
    assert focused(opened) == FIRST[0]
    press(opened, Keys.ARROW_RIGHT)
    assert focused(opened) == FIRST[5]
    press(opened, Keys.ESCAPE)
    assert shown(opened) == FIRST and focused(opened) == FIRST[5]
    press(opened, Keys.HOME, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert focused(opened) == FIRST[2]
    columns = opened.execute_script("return columns()")
    assert 1 < columns < 6
    press(opened, Keys.HOME, Keys.ARROW_DOWN)
    assert focused(opened) == FIRST[columns]
    press(opened, Keys.ARROW_UP, Keys.ARROW_LEFT)
    assert focused(opened) == FIRST[0]
    press(opened, Keys.END)
    assert focused(opened) == FIRST[5]


@needs_browser
def test_enter_opens_the_original_large_arrows_go_on_and_escape_comes_back(opened):
    from selenium.webdriver import Keys

    press(opened, "/", Keys.ENTER, Keys.ENTER)
    large = opened.find_element("id", "large")
    assert large.is_displayed() and large.find_element("class name", "caption").text == FIRST[0]
    assert waited(opened, "return document.querySelector('#large img').naturalWidth === 640")
    press(opened, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert large.find_element("class name", "caption").text == HOSTILE
    assert waited(opened, "return document.querySelector('#large img').src.includes('script')")
    original = large.find_element("class name", "original").get_attribute("href")
    assert original.startswith("file:///") and "%3Cscript%3E" in original
    press(opened, Keys.ESCAPE)
    assert waited(opened, "return !document.getElementById('large').open && document.activeElement === link(cards[3])")
    assert focused(opened) == HOSTILE


@needs_browser
def test_dark_is_what_the_system_prefers_until_the_button_says_otherwise(opened):
    ground = "return getComputedStyle(document.body).backgroundColor"
    light = opened.execute_script(ground)
    prefers(opened, "dark")
    button = opened.find_element("id", "theme")
    assert waited(opened, "return theme.getAttribute('aria-pressed') === 'true'")
    assert opened.execute_script(ground) != light
    button.click()
    assert opened.execute_script(ground) == light and button.get_attribute("aria-pressed") == "false"
    assert opened.execute_script("return localStorage.getItem('theme')") == "light", "it is kept"
    opened.execute_script("localStorage.clear()")


@needs_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_their_ground_and_nothing_is_wider_than_a_telephone(opened, page, scheme):
    size = {"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    prefers(opened, scheme)
    opened.get(page)
    assert opened.execute_script("return document.documentElement.scrollWidth") <= 400
    colours = opened.execute_script(
        "return ['.caption', '.name', 'h1'].map(s => [getComputedStyle(document.querySelector(s)).color,"
        "getComputedStyle(document.querySelector(s === 'h1' ? 'header' : 'figure')).backgroundColor])"
    )
    assert all(contrast(*pair) >= 4.5 for pair in colours)


@needs_browser
def test_thousands_of_cards_are_drawn_as_they_are_come_to_and_searched_all(browser, tmp_path):
    from selenium.webdriver import Keys

    (tmp_path / "g.html").write_text(gallery(*(about(f"{n}.png", f"Picture {n}.") for n in range(1500))))
    browser.get((tmp_path / "g.html").as_uri())
    assert 200 <= len(shown(browser)) < 1500 and browser.find_element("id", "count").text == "1500"
    press(browser, "/", "1499", Keys.ENTER)
    assert shown(browser) == ["Picture 1499."] and focused(browser) == "Picture 1499."
    press(browser, Keys.ESCAPE)
    assert focused(browser) == "Picture 1499.", "it is come back to"
    press(browser, Keys.HOME)
    assert focused(browser) == "Picture 0."
    browser.get((tmp_path / "g.html").as_uri())
    before = len(shown(browser))
    browser.execute_script("document.getElementById('none').scrollIntoView()")
    assert waited(browser, f"return [...document.querySelectorAll('.card')].filter(c => !c.hidden).length > {before}")
    assert complaints(browser) == []


@needs_browser
def test_the_last_of_thousands_of_cards_is_gone_to_without_drawing_those_between(browser, tmp_path):
    from selenium.webdriver import Keys

    (tmp_path / "g.html").write_text(gallery(*(about(f"{n}.png", f"Picture {n}.") for n in range(1500))))
    browser.get((tmp_path / "g.html").as_uri())
    press(browser, Keys.TAB, Keys.TAB, Keys.TAB, Keys.TAB, Keys.END)
    assert focused(browser) == "Picture 1499."
    there = shown(browser)
    assert (
        len(there) <= 600
        and there[-1] == "Picture 1499."
        and int(there[0][8:-1]) % browser.execute_script("return columns()") == 0
    ), "rows are whole: those before fit above them"
    place = "return document.activeElement.getBoundingClientRect().top"
    press(browser, Keys.ARROW_LEFT)
    assert focused(browser) == "Picture 1498."
    browser.execute_script(
        "window.kept = seen[first]; kept.scrollIntoView(); window.top0 = kept.getBoundingClientRect().top"
    )
    assert waited(browser, "return first < seen.indexOf(kept)"), "those before come when they are scrolled to"
    assert abs(browser.execute_script("return kept.getBoundingClientRect().top - top0")) < 2, "and nothing moves"
    press(browser, Keys.HOME)
    assert focused(browser) == "Picture 0." and shown(browser)[0] == "Picture 0."
    assert browser.execute_script(place) >= 0
    assert complaints(browser) == []


@needs_browser
def test_every_control_has_a_name_and_every_card_can_be_reached(opened):
    unnamed = opened.execute_script(
        "return [...document.querySelectorAll('input, select, button, a.open')].filter(e => !(e.textContent.trim() || "
        "e.getAttribute('aria-label') || e.labels && e.labels.length || e.getAttribute('aria-labelledby'))).length"
    )
    tabbable = opened.execute_script("return [...document.querySelectorAll('.open')].filter(e => !e.tabIndex).length")
    assert unnamed == 0 and tabbable >= 1
