"""Measure line finding on drawn pages: recall and precision at IoU 0.5, reading order, letter size, spaces, seconds.

    python tests/bench/bench_layout.py [KIND …] [--dpi 200] [--seeds 5] [--wear clean worn] [--show FOLDER]

No model is involved. --show writes every page with what was found drawn over it: blocks blue, tables orange, pictures
pink, lines red, known lines green.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2])]

import records  # noqa: E402
from documents import KINDS, Drawn, draw_document  # noqa: E402
from layout_scores import score  # noqa: E402

from smolcli.layout import Layout, find_layout, find_skew, straightened  # noqa: E402

RECORDED = "--seeds 3"
COLOURS = {"text": (255, 0, 0), "table": (0, 128, 255), "picture": (255, 0, 255)}  # BGR


def overlay(page: Drawn, rgb: np.ndarray, layout: Layout, path: Path) -> None:
    """Write the page with its known and its found lines."""
    import cv2

    picture = np.ascontiguousarray(rgb[:, :, ::-1])
    for known in page.lines:
        cv2.rectangle(picture, known.straight_px[:2], known.straight_px[2:], (0, 160, 0), 1)
    for number, block in enumerate(layout.blocks):
        cv2.rectangle(picture, block.box_px[:2], block.box_px[2:], COLOURS[block.kind], 2)
        cv2.putText(picture, str(number), (max(0, block.box_px[0] - 30), block.box_px[1] + 14), 0, 0.6, (0, 0, 255), 2)
        for line in block.lines:
            cv2.rectangle(picture, line.box_px[:2], line.box_px[2:], (0, 0, 255), 1)
    cv2.imwrite(str(path), picture)


def measure(kind: str, wear: str, options: argparse.Namespace) -> np.ndarray:
    """Drawn, found and right lines; steps and right steps; spaces drawn and found; seconds of skew and of layout."""
    sums = np.zeros(9)
    for seed in range(1, options.seeds + 1):
        page = draw_document(kind, seed, dpi=options.dpi, wear=wear)
        start = time.perf_counter()
        rgb = straightened(page.rgb, 0, find_skew(page.rgb))
        middle = time.perf_counter()
        layout = find_layout(rgb)
        end = time.perf_counter()
        result = score(page, layout)
        steps = max(0, len(result.pairs) - 1)
        spaces = sum(page.lines[known].text.count(" ") for known, _ in result.pairs)
        gaps = sum(len(layout.lines[found].gaps_px) for _, found in result.pairs)
        right = round(result.in_order * steps)
        lines = result.drawn, result.found, len(result.pairs)
        sums += (*lines, steps, right, spaces, gaps, middle - start, end - middle)
        if options.show:
            overlay(page, rgb, layout, options.show / f"{kind}-{wear}-{options.dpi}-{seed}.png")
    return sums


def main() -> None:
    """Print a row for every kind of page and wear, and one for all of a wear."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("--dpi", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--wear", nargs="+", default=["clean", "worn"], choices=["clean", "worn"])
    parser.add_argument("--show", type=Path, help="folder for pictures of what was found")
    records.add_option(parser)
    options = parser.parse_args()
    if options.show:
        options.show.mkdir(parents=True, exist_ok=True)
    find_layout(draw_document("lines", 1, dpi=50).rgb)  # OpenCV starts its threads
    print(f"{'':9} {'':6} lines recall precision order spaces  skew s  layout s   ({options.dpi} dpi)")
    settings = (f"{options.seeds} pages of each kind, {options.dpi} dpi",)
    recorded = records.Found(
        "layout", "Lines of drawn pages, found without a model; runs are kinds of pages", None, settings
    )
    for wear in options.wear:
        every = []
        total = np.zeros(9)
        for kind in options.kinds or KINDS:
            sums = measure(kind, wear, options)
            total += sums
            every.append(sums)
            print_row(kind, wear, sums, options.seeds)
        print_row("all", wear, total, options.seeds * len(options.kinds or KINDS))
        record(recorded, wear, every, options.seeds)
    recorded.write(options.record)


def record(recorded: records.Found, wear: str, every: list[np.ndarray], pages: int) -> None:
    """Shares and seconds of one wear, a run for each kind of page."""
    printed = [sums for sums in every if sums[0]]
    recorded.add(f"lines that are found, {wear}", "of 1", [right / drawn for drawn, _, right, *_ in printed])
    recorded.add(f"lines that are there, {wear}", "of 1", [right / max(found, 1) for _, found, right, *_ in printed])
    recorded.add(f"skew, {wear}", "s a page", [sums[7] / pages for sums in every])
    recorded.add(f"layout, {wear}", "s a page", [sums[8] / pages for sums in every])


def print_row(kind: str, wear: str, sums: np.ndarray, pages: int) -> None:
    """One row of the table; a share of nothing is shown as 1."""
    drawn, found, right, steps, ordered, spaces, gaps, skew_s, layout_s = sums
    recall, precision = right / drawn if drawn else 1.0, right / found if found else float(not drawn)
    order, cut = ordered / steps if steps else 1.0, gaps / spaces if spaces else 1.0
    print(
        f"{kind:9} {wear:6} {drawn:5.0f}  {recall:.3f}     {precision:.3f} {order:.3f}  {cut:.3f}"
        f"   {skew_s / pages:.3f}     {layout_s / pages:.3f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
