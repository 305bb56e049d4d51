"""What a run took, in a few lines for stderr."""

from __future__ import annotations

from collections.abc import Iterator

from smolcli.datatypes import Answer


def stats_lines(
    answers: list[Answer], times_s: tuple[float, float], peak_bytes: int | None, tokens_per_tile: int
) -> Iterator[str]:
    """Seconds per stage, tokens, tokens per second, peak memory. times_s: loading, and all from then on."""
    load_s, wall_s = times_s
    seconds = [answer.generation.seconds for answer in answers]
    counts = [answer.generation.counts for answer in answers]
    prompt, cached = sum(c.prompt_tokens for c in counts), sum(c.cached_tokens for c in counts)
    image, new, encodes = (sum(getattr(c, name) for c in counts) for name in ("image_tokens", "new_tokens", "encodes"))
    prefill, decode = sum(s.prefill for s in seconds), sum(s.decode for s in seconds)
    yield (
        f"stats: load {load_s:.2f} s, preprocess {sum(s.preprocess for s in seconds):.2f} s, "
        f"encode {sum(s.encode for s in seconds):.2f} s ({encodes} of {image // tokens_per_tile} tiles), "
        f"prefill {prefill:.2f} s, decode {decode:.2f} s, answers after {wall_s:.2f} s"
    )
    read = f"{(prompt - cached) / prefill:.0f} tokens/s" if prefill else "-"
    wrote = f"{new / decode:.1f} tokens/s" if decode else "-"
    yield f"stats: prompt {prompt} tokens ({image} of images, {cached} reused; {read}), new {new} tokens ({wrote})"
    if peak_bytes is not None:
        yield f"stats: peak memory {peak_bytes / 1e6:.0f} MB"
