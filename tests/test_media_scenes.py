"""Where a clip's scenes begin: shots, slides, captions and fades are, noise and motion are not."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from smolcli.errors import MediaError, UsageError
from smolcli.media import MediaOptions, WindowOptions, open_media, scenes, scenes_of

SIZE, FPS = (320, 180), 12
NEAR_S = 0.2


def slide(words, ground=(225, 230, 235), height=28, at=(30, 70)):
    picture = Image.new("RGB", SIZE, ground)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, SIZE[0], 24), (30, 60, 120))
    draw.text(at, words, (20, 20, 20), ImageFont.load_default(height))
    return np.asarray(picture)


def shot(seed, shift=0):
    """A picture of soft spots; `shift` moves them."""
    draw = np.random.default_rng(seed)
    small = draw.integers(30, 226, (9, 32, 3)).astype(np.float32)
    wide = cv2.resize(small, (640, SIZE[1]), interpolation=cv2.INTER_CUBIC)
    return np.clip(np.roll(wide, shift, 1)[:, : SIZE[0]], 0, 255).astype(np.uint8)


def film(path, pictures, fps=FPS, noise=0.0):
    """Write a clip of pictures uint8 (180, 320, 3)."""
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*"mp4v"), fps, SIZE)
    draw = np.random.default_rng(1)
    for picture in pictures:
        if noise:
            picture = np.clip(picture + draw.normal(0, noise, picture.shape), 0, 255).astype(np.uint8)
        writer.write(np.ascontiguousarray(picture[..., ::-1]))
    writer.release()
    return str(path)


def begins(path, **options):
    """The moments at which scenes begin, the first one left out."""
    with open_media(path, MediaOptions()) as media:
        found = list(scenes_of(media, WindowOptions(**options)))
        windows = [place.window_s or (0.0, media.video.duration_s) for place in found]
        assert windows[0][0] == options.get("start_s", 0.0)
        assert windows[-1][1] == min(options.get("end_s") or 1e9, media.video.duration_s)
        assert all(before[1] == after[0] for before, after in pairwise(windows)), "no gap, no overlap"
    return [start for start, _ in windows[1:]]


@pytest.fixture(params=["scenedetect", "histograms"])
def either(request, monkeypatch):
    """With PySceneDetect, and without it."""
    if request.param == "scenedetect":
        pytest.importorskip("scenedetect")
    else:
        monkeypatch.setattr(scenes, "find_spec", lambda name: None)
    return request.param


def close(found, wanted, within_s=NEAR_S):
    return len(found) == len(wanted) and all(abs(a - b) <= within_s for a, b in zip(found, wanted, strict=True))


@pytest.mark.parametrize("noise", [0.0, 4.0, 12.0])
def test_a_change_of_words_on_an_unchanged_ground_begins_a_scene_however_noisy_the_clip_is(tmp_path, either, noise):
    words = ["Start", "Mix the flour", "Mix the sugar", "Bake"]
    pictures = [slide(words[n // (3 * FPS)]) for n in range(12 * FPS)]
    assert close(begins(film(tmp_path / "a.mp4", pictures, noise=noise)), [3, 6, 9])


def test_a_short_word_that_becomes_another_begins_a_scene(tmp_path, either):
    pictures = [slide("one" if n < 5 * FPS else "two", height=18) for n in range(10 * FPS)]
    assert close(begins(film(tmp_path / "a.mp4", pictures)), [5])


def test_captions_that_come_and_go_are_scenes(tmp_path, either):
    def caption(second):
        return {0: "", 1: "", 2: "Hello there", 3: "Hello there", 4: "", 5: "", 6: "Goodbye", 7: "Goodbye"}[second]

    pictures = [slide(caption(n // FPS), height=16, at=(90, 150)) for n in range(8 * FPS)]
    assert close(begins(film(tmp_path / "a.mp4", pictures)), [2, 4, 6])


@pytest.mark.parametrize("noise", [0.0, 8.0])
def test_other_shots_of_a_clip_that_moves_are_scenes_and_its_motion_is_not(tmp_path, either, noise):
    cuts = [0, 40, 90, 130]
    pictures = [shot(sum(n >= cut for cut in cuts), 2 * n) for n in range(170)]
    found = begins(film(tmp_path / "a.mp4", pictures, noise=noise))
    assert close(found, [cut / FPS for cut in cuts[1:]])


def test_a_thing_that_moves_over_an_unchanged_ground_is_one_scene(tmp_path, either):
    def ball(n):
        picture = slide("A ball").copy()
        cv2.circle(picture, (20 + 3 * n % 280, 120), 14, (200, 30, 30), -1)
        return picture

    assert begins(film(tmp_path / "a.mp4", [ball(n) for n in range(8 * FPS)])) == []


@pytest.mark.parametrize("noise", [0.0, 3.0, 20.0])
def test_a_clip_that_stands_still_is_one_scene_and_has_no_window(tmp_path, either, noise):
    path = film(tmp_path / "a.mp4", [slide("The same")] * (8 * FPS), noise=noise)
    with open_media(path, MediaOptions()) as media:
        assert [place.window_s for place in scenes_of(media, WindowOptions())] == [None]


def test_somebody_who_speaks_in_a_corner_hides_no_slide_and_is_none(tmp_path, either):
    def talk(n):
        picture = slide("First point" if n < 5 * FPS else "Second point").copy()
        draw = np.random.default_rng(n)
        face = cv2.resize(draw.integers(60, 200, (4, 5, 3), np.uint8), (70, 56), interpolation=cv2.INTER_CUBIC)
        picture[120:176, 246:316] = face
        return picture

    assert close(begins(film(tmp_path / "a.mp4", [talk(n) for n in range(10 * FPS)])), [5])


@pytest.mark.parametrize("lasts", [4, 10, 20])
def test_one_slide_that_fades_into_another_is_one_scene_each(tmp_path, either, lasts):
    one, other = slide("Before", (230, 230, 230)).astype(float), slide("After it", (120, 170, 220)).astype(float)

    def faded(n):
        share = min(1.0, max(0.0, (n - 60) / lasts))
        return (one * (1 - share) + other * share).astype(np.uint8)

    found = begins(film(tmp_path / "a.mp4", [faded(n) for n in range(130)]))
    assert len(found) == 1 and 60 / FPS - NEAR_S <= found[0] <= (60 + lasts) / FPS + NEAR_S


def test_a_fade_through_black_is_one_cut_and_black_is_no_scene(tmp_path, either):
    one, other = slide("Before").astype(float), shot(4).astype(float)

    def faded(n):
        shares = min(1.0, max(0.0, (72 - n) / 12)), min(1.0, max(0.0, (n - 96) / 12))
        return (one * shares[0] + other * shares[1]).astype(np.uint8)

    found = begins(film(tmp_path / "a.mp4", [faded(n) for n in range(180)]))
    assert len(found) == 1 and 60 / FPS <= found[0] <= 108 / FPS + NEAR_S


def test_a_flash_is_no_scene(tmp_path, either):
    pictures = [np.full_like(slide(""), 250) if n in (40, 41) else slide("A party") for n in range(100)]
    assert begins(film(tmp_path / "a.mp4", pictures)) == []


def test_slides_at_a_frame_a_second_are_found_too(tmp_path, either):
    pictures = [slide(f"Slide {n // 4}") for n in range(24)]
    assert begins(film(tmp_path / "a.mp4", pictures, fps=1)) == [4, 8, 12, 16, 20]


def test_the_chosen_part_alone_is_looked_at_and_a_long_scene_is_cut_into_windows_of_one_length(tmp_path, either):
    pictures = [slide("One" if n < 60 else "Two" if n < 84 else "Three") for n in range(144)]
    path = film(tmp_path / "a.mp4", pictures)
    assert begins(path, start_s=6.0, end_s=10.0) == [7.0]
    assert close(begins(path, most_s=3.0), [2.5, 5, 7, 9.5])
    with open_media(path, MediaOptions()) as media, pytest.raises(UsageError, match="nothing from"):
        list(scenes_of(media, WindowOptions(20)))


def test_a_scene_is_known_soon_after_it_has_ended(tmp_path):
    path = film(tmp_path / "a.mp4", [slide(f"Step {n // 48}") for n in range(40 * FPS)])
    with open_media(path, MediaOptions()) as media:
        looked = []
        scan = media.scan
        media.scan = lambda *arguments: (looked.append(frame.place.time_s) or frame for frame in scan(*arguments))
        first = next(scenes_of(media, WindowOptions()))
        assert first.window_s[1] == pytest.approx(4, abs=NEAR_S)
        assert looked[-1] < 10, "the rest of the clip was not looked at"


def test_the_first_window_of_a_scene_without_end_does_not_wait_for_it(tmp_path):
    path = film(tmp_path / "a.mp4", [slide("The same")] * (40 * FPS))
    with open_media(path, MediaOptions()) as media:
        looked = []
        scan = media.scan
        media.scan = lambda *arguments: (looked.append(frame.place.time_s) or frame for frame in scan(*arguments))
        found = scenes_of(media, WindowOptions(most_s=4.0))
        assert next(found).window_s == (0, 4) and looked[-1] < 16
        assert [place.window_s for place in found][-1] == (36.0, 40.0)


def test_the_memory_of_the_detectors_does_not_grow_with_the_clip(either):
    detector, pictures = scenes.changes(8.0), [shot(seed)[:144, :256] for seed in range(5)]
    for n in range(100):
        detector.see(n / 8, pictures[n // 10 % 5])
    tracemalloc.start()
    for n in range(100, 300):
        detector.see(n / 8, pictures[n // 10 % 5])
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 2_000_000


def test_scanning_a_clip_leaves_where_it_is_read_alone(tmp_path):
    path = film(tmp_path / "a.mp4", [slide(f"Step {n // 24}") for n in range(96)])
    with open_media(path, MediaOptions()) as media:
        scanned = scenes_of(media, WindowOptions())
        first = next(scanned)
        frame = media.frame(media.outlines[3].place)
        rest = [place.window_s for place in scanned]
        assert (media.frame(media.outlines[3].place).rgb == frame.rgb).all()
        assert close([first.window_s[1], *(window[1] for window in rest)], [2, 4, 6, 8])


def test_an_animation_has_scenes(tmp_path):
    pictures = [Image.fromarray(slide(f"Step {n // 10}")) for n in range(40)]
    pictures[0].save(tmp_path / "a.gif", save_all=True, append_images=pictures[1:], duration=200)
    with open_media(str(tmp_path / "a.gif"), MediaOptions(moving=True)) as media:
        found = [place.window_s for place in scenes_of(media, WindowOptions())]
    assert close([window[0] for window in found[1:]], [2, 4, 6], 0.25)


def test_a_clip_of_one_frame_is_one_scene_and_nothing_that_can_be_decoded_is_an_error(tmp_path):
    path = film(tmp_path / "a.mp4", [slide("Alone")])
    with open_media(path, MediaOptions()) as media:
        assert [place.window_s for place in scenes_of(media, WindowOptions())] == [None]
    (tmp_path / "b.mp4").write_bytes(b"\0\0\0\x18ftypisom" + bytes(400))
    with pytest.raises(MediaError):
        open_media(str(tmp_path / "b.mp4"), MediaOptions())


# ---- what moves


def shape(colour, n, square=False, ground=255):
    """A shape on an empty ground that goes to and fro."""
    picture = np.full((*SIZE[::-1], 3), ground, np.uint8)
    x = 70 + abs(2 * n % 240 - 120)
    if square:
        cv2.rectangle(picture, (x - 38, 52), (x + 38, 128), colour, -1)
    else:
        cv2.circle(picture, (x, 90), 40, colour, -1)
    return picture


def word(text):
    return slide(text, (255, 255, 255), 34, (60, 70))


RED, BLUE, GREEN = (200, 40, 40), (40, 60, 200), (40, 150, 60)


@pytest.mark.parametrize("noise", [0.0, 6.0])
def test_still_words_and_shapes_that_move_on_one_ground_are_scenes_of_their_own(tmp_path, either, noise):
    def shown(n):
        at = n // (4 * FPS)
        return [word("Harbour"), shape(RED, n), shape(BLUE, n, True), word("Bakery"), shape(GREEN, n, True)][at]

    found = begins(film(tmp_path / "a.mp4", [shown(n) for n in range(20 * FPS)], noise=noise))
    assert close(found, [4, 8, 12, 16])


def moving(kind, n):
    """Picture n of a clip of one scene."""
    time_s = n / FPS
    if kind == "shapes that bounce, over one another":
        picture = shape(RED, 3 * n)
        cv2.circle(picture, (160, 30 + abs(5 * n % 240 - 120)), 25, BLUE, -1)
        return picture
    if kind == "a shape that jumps back":
        return shape(RED, n % 50)
    if kind == "a shape that comes in and goes out":
        picture = np.full((*SIZE[::-1], 3), 240, np.uint8)
        cv2.circle(picture, (-60 + 4 * n % 480, 90), 40, GREEN, -1)
        return picture
    if kind == "a shape that starts, stops and turns":
        return shape(RED, int(30 * (1 + np.sin(max(0.0, time_s - 2) * 2))))
    if kind == "a zoom":
        scale = 1 + time_s / 8
        wide, high = round(SIZE[0] / scale), round(SIZE[1] / scale)
        part = shot(3)[(SIZE[1] - high) // 2 :, (SIZE[0] - wide) // 2 :][:high, :wide]
        return cv2.resize(part, SIZE, interpolation=cv2.INTER_CUBIC)
    if kind == "a hand that shakes":
        return shot(4, int(np.random.default_rng(n).integers(-6, 7)))
    if kind == "a light that flickers":
        level = np.random.default_rng(n).uniform(0.8, 1.2)
        return np.clip(shape(RED, n, ground=180) * level, 0, 255).astype(np.uint8)
    if kind == "a sign that blinks":
        picture = shot(5)
        picture[40:80, 200:260] = (250, 220, 30) if n // (FPS // 2) % 2 else (40, 40, 40)
        return picture
    if kind == "a shape that fades in and moves":
        share = min(1.0, time_s / 4)
        return (shape(BLUE, n) * share + 255 * (1 - share)).astype(np.uint8)
    assert kind == "a pan that starts and stops"
    return shot(6, int(40 * np.clip(np.sin(time_s), 0, 1)))


KINDS = (
    "shapes that bounce, over one another",
    "a shape that jumps back",
    "a shape that comes in and goes out",
    "a shape that starts, stops and turns",
    "a zoom",
    "a hand that shakes",
    "a light that flickers",
    "a sign that blinks",
    "a shape that fades in and moves",
    "a pan that starts and stops",
)


@pytest.mark.parametrize("kind", KINDS)
def test_motion_of_any_kind_is_one_scene(tmp_path, either, kind):
    noise = 6.0 if either == "scenedetect" else 0.0
    assert begins(film(tmp_path / "a.mp4", [moving(kind, n) for n in range(8 * FPS)], noise=noise)) == []
