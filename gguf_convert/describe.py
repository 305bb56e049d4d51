"""Results come in; what is printed goes out: JSON-ready tables for programs, lines for people."""

from __future__ import annotations

import re
from typing import Any

from .convert import ConversionResult
from .inspection import FileReport, Inspection, LanguageFacts, PairReport, VisionFacts
from .repair import RepairResult

SCHEMA = 1


def conversion_table(result: ConversionResult) -> dict[str, Any]:
    """What `--json` prints of a conversion."""
    return {
        "schema": SCHEMA,
        "files": [
            {
                "part": file.part,
                "path": str(file.path),
                "type": file.type,
                "bytes": file.bytes,
                "sha256": file.sha256,
                "pair_id": file.pair_id,
                "fallbacks": [{"tensor": f.tensor, "type": f.type, "reason": f.reason} for f in file.fallbacks],
            }
            for file in result.files
        ],
        "source": {"name": result.source, "revision": result.revision, "architecture": result.architecture},
        "verified": result.verified,
        "warnings": list(result.warnings),
    }


def conversion_lines(result: ConversionResult) -> list[str]:
    """One line per file, then what fell back to another type and why, then the pairing."""
    lines = [f"{file.path}  {file.type}  {megabytes(file.bytes)}" for file in result.files]
    for file in result.files:
        groups: dict[tuple[str, str], list[str]] = {}
        for fallback in file.fallbacks:
            groups.setdefault((fallback.type, fallback.reason), []).append(fallback.tensor)
        for (kind, reason), tensors in groups.items():
            which = ", ".join(dict.fromkeys(re.sub(r"\.\d+\.", ".*.", name) for name in tensors))
            count = f"{len(tensors)} tensor{'s' * (len(tensors) > 1)}"
            lines.append(f"  {file.path.name}: {count} stored as {kind}: {reason} ({which})")
    return [*lines, f"pair {result.pair_id}{', read back and verified' if result.verified else ''}"]


def inspection_table(found: Inspection) -> dict[str, Any]:
    """What `--json` prints of an inspection."""
    return {
        "schema": SCHEMA,
        "files": [_file_table(report) for report in found.files],
        "pairs": [
            {
                "lm": str(pair.language),
                "mmproj": str(pair.projector),
                "fits": pair.fits,
                "same_source": pair.same_source,
                "image_tokens": pair.image_tokens,
                "warnings": list(pair.warnings),
            }
            for pair in found.pairs
        ],
    }


def inspection_lines(found: Inspection) -> list[str]:
    """A block per file, a line per pair; warnings last in each."""
    lines: list[str] = []
    for report in found.files:
        lines += [*_file_lines(report), ""]
    for pair in found.pairs:
        lines += _pair_lines(pair)
    return lines if found.pairs else lines[:-1]


def repair_table(result: RepairResult) -> dict[str, Any]:
    """What `--json` prints of a repair."""
    return {
        "schema": SCHEMA,
        "path": str(result.path),
        "bytes": result.bytes,
        "sha256": result.sha256,
        "longest_edge_px": {"before": result.key_before, "after": result.key_after},
        "retyped": result.retyped,
        "values": {
            "retyped": result.change.values,
            "changed": result.change.changed,
            "largest_change": result.change.largest,
            "relative_error": result.change.relative_error,
        },
    }


def repair_lines(result: RepairResult) -> list[str]:
    """What the copy has that the original had not."""
    lines = [f"{result.path}  {megabytes(result.bytes)}"]
    if result.key_before != result.key_after:
        was = f"it was {result.key_before}" if result.key_before else "the file did not say"
        lines.append(f"  longest edge {result.key_after} px ({was}); every tensor's bytes are the original's")
    if result.retyped:
        kinds = ", ".join(f"{count} as {name}" for name, count in result.retyped.items())
        change = result.change
        lines[1:] = [line.partition(";")[0] for line in lines[1:]]
        lines.append(f"  re-typed tensors: {kinds}")
        lines.append(
            f"  {change.changed:,} of {change.values:,} values changed"
            + (
                f", by at most {change.largest:.3g}; relative error {change.relative_error:.2e}"
                if change.changed
                else ""
            )
        )
    return lines


def megabytes(count: int) -> str:
    """A size in decimal megabytes."""
    return f"{count / 1e6:,.1f} MB"


def _file_table(report: FileReport) -> dict[str, Any]:
    table: dict[str, Any] = {
        "path": str(report.path),
        "part": report.part or None,
        "architecture": report.architecture,
        "name": report.name,
        "bytes": report.bytes,
        "parameters": report.values,
        "shares": [
            {"group": s.group, "type": s.type, "tensors": s.tensors, "parameters": s.values, "bytes": s.bytes}
            for s in report.shares
        ],
        "source": {"name": report.source, "revision": report.revision},
        "pair_id": report.pair_id or None,
        "warnings": list(report.warnings),
    }
    if report.language:
        table["language"] = _language_table(report.language)
    if report.vision:
        table["vision"] = {name: getattr(report.vision, name) for name in VisionFacts.__slots__}
    return table


def _language_table(facts: LanguageFacts) -> dict[str, Any]:
    table: dict[str, Any] = {name: getattr(facts, name) for name in LanguageFacts.__slots__}
    table["specials"] = {role: {"id": index, "text": text} for role, (index, text) in facts.specials.items()}
    return table


def _file_lines(report: FileReport) -> list[str]:
    lines = [f"{report.path}  {report.architecture}  {megabytes(report.bytes)}  {report.values:,} parameters"]
    if report.language:
        lines += _language_lines(report.language)
    if report.vision:
        lines += _vision_lines(report.vision)
    for share in report.shares:
        lines.append(f"  {share.group:<20} {share.type:<6} {share.tensors:>4} tensors {megabytes(share.bytes):>12}")
    if report.source:
        lines.append(f"  made from {report.source}{' @ ' + report.revision if report.revision else ''}")
    lines.append(f"  pair id {report.pair_id or 'none (not written by this converter)'}")
    return [*lines, *(f"  warning: {warning}" for warning in report.warnings)]


def _language_lines(facts: LanguageFacts) -> list[str]:
    specials = ", ".join(f"{role} {index} {text}" for role, (index, text) in facts.specials.items())
    markers = ", ".join(f"{text} {'plain text' if index is None else index}" for text, index in facts.markers.items())
    return [
        f"  {facts.layers} layers, {facts.width} wide, ffn {facts.ffn}, "
        f"{facts.heads} heads ({facts.kv_heads} kv) of {facts.head_dim}",
        f"  context {facts.context:,} tokens, rope base {facts.rope_theta:,.0f}",
        f"  vocabulary {facts.vocab:,}, pre-tokenizer {facts.pre_tokenizer}",
        f"  special tokens: {specials}",
        f"  image markers: {markers}",
        f"  chat template: {facts.template.strip().encode('unicode_escape').decode() or 'none'}",
    ]


def _vision_lines(facts: VisionFacts) -> list[str]:
    edge = f"{facts.longest_edge_px} px" if facts.longest_edge_px else "not said"
    return [
        f"  {facts.layers} layers, {facts.width} wide, ffn {facts.ffn}, {facts.heads} heads, epsilon {facts.eps:.1e}",
        f"  tile {facts.tile_px} px in patches of {facts.patch_px}, merged {facts.scale_factor} to a side: "
        f"{facts.tokens_per_tile} tokens of {facts.text_width}",
        f"  longest edge: {edge}",
    ]


def _pair_lines(pair: PairReport) -> list[str]:
    said = {True: "one checkpoint", False: "different checkpoints", None: "no pair id to compare"}[pair.same_source]
    verdict = f"fit ({said})" if pair.fits else "do not fit"
    lines = [f"{pair.language.name} and {pair.projector.name} {verdict}"]
    if pair.image_tokens:
        counts = (
            f"{count:,} {'uncut' if grid == '0x0' else 'as ' + grid + ' tiles'}"
            for grid, count in pair.image_tokens.items()
        )
        lines.append(f"  tokens of a picture: {', '.join(counts)}")
    return [*lines, *(f"  warning: {warning}" for warning in pair.warnings)]
