"""What a run took, in a few lines for stderr."""

from __future__ import annotations

from collections.abc import Iterator

from smolcli.speeds import Took


def stats_lines(
    took: Took, times_s: tuple[float, float], peak_bytes: int | None, tokens_per_tile: int
) -> Iterator[str]:
    """Seconds per stage, tokens, tokens per second, peak memory. times_s: loading, and all from then on."""
    load_s, wall_s = times_s
    counts, seconds = took.counts, took.seconds
    yield (
        f"stats: load {load_s:.2f} s, preprocess {seconds.preprocess:.2f} s, "
        f"encode {seconds.encode:.2f} s ({counts.encodes} of {counts.image_tokens // tokens_per_tile} tiles), "
        f"prefill {seconds.prefill:.2f} s, decode {seconds.decode:.2f} s, answers after {wall_s:.2f} s"
    )
    fresh = counts.prompt_tokens - counts.cached_tokens
    read = f"{fresh / seconds.prefill:.0f} tokens/s" if seconds.prefill else "-"
    wrote = f"{counts.new_tokens / seconds.decode:.1f} tokens/s" if seconds.decode else "-"
    images, reused = counts.image_tokens, counts.cached_tokens
    yield (
        f"stats: prompt {counts.prompt_tokens} tokens ({images} of images, {reused} reused; {read}), "
        f"new {counts.new_tokens} tokens ({wrote})"
    )
    if took.cached:
        yield f"stats: {took.cached} of {took.answers} answers were known from an earlier run"
    if peak_bytes is not None:
        yield f"stats: peak memory {peak_bytes / 1e6:.0f} MB"
