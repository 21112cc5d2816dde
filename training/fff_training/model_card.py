"""The model card: its numbers come from the run's log, its evaluation, `compare` and the corpus manifest."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence

from .config import ModelConfig
from .corpus.clean import DOMAINS


def _last(log: Sequence[Mapping[str, Any]], event: str) -> Mapping[str, Any]:
    found = [entry for entry in log if entry.get("event") == event]
    return found[-1] if found else {}


def corpus_table(manifest: Mapping[str, Any]) -> str:
    """Licences and bytes of the corpus, grouped by declared licence, largest first."""
    groups: Dict[str, List[float]] = {}
    for source in manifest["sources"]:
        kept = sum(source.get("kept_bytes", {}).values())
        if kept:
            group = groups.setdefault(source["licence"], [0, 0.0])
            group[0] += 1
            group[1] += kept / 1e6
    lines = ["| licence as declared | packages | MB |", "| --- | --- | --- |"]
    ordered = sorted(groups.items(), key=lambda item: -item[1][1])
    lines += [f"| {name} | {count:.0f} | {size:.1f} |" for name, (count, size) in ordered[:20]]
    if len(ordered) > 20:
        rest = [group for _, group in ordered[20:]]
        lines.append(f"| {len(rest)} others | {sum(g[0] for g in rest):.0f} | {sum(g[1] for g in rest):.1f} |")
    return "\n".join(lines)


def quality(evaluation: Mapping[str, Any]) -> str:
    """Masked scores, leaf use, fill-mask and downstream figures as Markdown."""
    lines = [
        "| held-out | masked tokens | loss (nats) | top-1 | top-5 | bits a character |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name in DOMAINS:
        if name in evaluation:
            row = evaluation[name]
            lines.append(
                f"| {name} | {row['masks']:.0f} | {row['loss']:.3f} | {row['top1']:.3f} | {row['top5']:.3f}"
                f" | {row['bits_per_character']:.3f} |"
            )
    short = evaluation.get("short", {})
    if short:
        lines += ["", "Top-1 at 15 % masks in shorter texts, the beginnings of the same windows:", ""]
        lines += ["| tokens | prose | markdown | code |", "| --- | --- | --- | --- |"]
        for length, scores in short.items():
            cells = [f"{scores[name]['top1']:.3f}" if name in scores else "-" for name in DOMAINS]
            lines.append(f"| {length} | " + " | ".join(cells) + " |")
    usage = evaluation.get("usage", [])
    if usage:
        lines += ["", "| layer | leaf entropy (bits) | leaves reached |", "| --- | --- | --- |"]
        for number, row in enumerate(usage):
            lines.append(f"| {number} | {row['entropy_bits']:.2f} | {row['leaves_reached']:.0f} of {row['leaves']} |")
        lines.append(f"\nCounted over {usage[0]['tokens']} held-out tokens.")
    suite = evaluation.get("fill_mask")
    if suite:
        kinds = [kind for kind in DOMAINS if f"{kind}_top1" in suite]
        lines.append(
            f"\nFill-mask suite of {suite['lines']} everyday lines that we wrote: an accepted word first in"
            f" {suite['all_top1']:.0%}, among the first five in {suite['all_top5']:.0%}"
            + "".join(f"; {kind} {suite[f'{kind}_top1']:.0%} and {suite[f'{kind}_top5']:.0%}" for kind in kinds)
            + "."
        )
    tasks: Dict[str, List[Mapping[str, Any]]] = {}
    for row in evaluation.get("downstream", []):
        tasks.setdefault(row["task"], []).append(row)
    for name, rows in tasks.items():
        values = [row["accuracy"] for row in rows]
        lines.append(
            f"\nFine-tuned on the task `{name}` ({rows[0]['labels']} classes, a stand-in for GLUE): accuracy {min(values):.3f}"
            f" to {max(values):.3f} over {len(values)} seeds; the largest class has {rows[0]['majority']:.3f}."
        )
    return "\n".join(lines)


# Settings that mean nothing where the one they belong to is off.
_DEPENDENT = {
    "packed_every": ("shortest", "longest"),
    "noise_from": ("noise_until",),
    "routing_gradient": ("routing_samples",),
    "teacher": ("distill", "temperature"),
}
_NOT_OF_THE_RECIPE = ("model", "log_every", "evaluate_every", "save_seconds", "compile")


def used_settings(settings: Mapping[str, Any]) -> Dict[str, Any]:
    """The settings that shaped the model, without switches that were off (0 or empty) and what belongs to those.

    >>> used_settings({"seconds": 9.0, "tokens": 0, "teacher": "", "distill": 0.5})
    {'seconds': 9.0}
    >>> used_settings({"seconds": 9.0, "tokens": 100, "noise_from": 1.0, "noise_until": 0.5})
    {'tokens': 100, 'noise_from': 1.0, 'noise_until': 0.5}
    """
    off = {key for key in settings if not settings[key]}
    idle = off.union(*(dependent for key, dependent in _DEPENDENT.items() if key in off))
    if settings.get("tokens"):
        idle.add("seconds")
    return {key: value for key, value in settings.items() if key not in idle and key not in _NOT_OF_THE_RECIPE}


def model_card(
    config: ModelConfig,
    log: Sequence[Mapping[str, Any]],
    evaluation: Optional[Mapping[str, Any]],
    manifest: Optional[Mapping[str, Any]],
    comparison: Optional[str],
) -> str:
    """The card's text. Parts without measurements are left out, not filled with guesses."""
    start, end = _last(log, "start"), _last(log, "end") or _last(log, "paused")
    settings = start.get("settings", {})
    kind = (
        f"{config.trees} tree{'s' if config.trees > 1 else ''} of depth {config.depth}: {config.active_neurons} of"
        f" {config.trees * config.nodes_per_tree} feedforward neurons a token and layer"
        if config.feedforward == "fff"
        else f"dense feedforward layers of {config.width} neurons"
    )
    lines = [
        "---",
        "license: mit",
        "language: en",
        "pipeline_tag: fill-mask",
        "---",
        "",
        "# FFF Explorer default model",
        "",
        f"A masked language model for English prose, Markdown and source code, trained from scratch: crammedBERT encoder,"
        f" {config.layers} layers of width {config.hidden_size}, {config.heads} heads, {kind}. Vocabulary"
        f" {config.vocab_size} cased WordPieces, at most {config.max_sequence_length} tokens. It is small and made to be looked"
        " at: it shows how a fast feedforward network routes tokens.",
        "",
        "## Training",
        "",
    ]
    if start and end:
        lines += [
            f"{start.get('parameters', 0) / 1e6:.2f} M parameters; {end['tokens'] / 1e6:.0f} M tokens in {end['seconds']:.0f} s"
            f" of training (compiling apart), {end['step']} steps, on one {start.get('device', 'device')}.",
            "",
            "| setting | value |",
            "| --- | --- |",
        ]
        lines += [f"| {key} | {value} |" for key, value in used_settings(settings).items()]
        lines.append("")
    if manifest:
        sizes = manifest["bytes"]
        lines += [
            "## Data",
            "",
            "Only packages with permissive licences (names, versions and hashes in `docs/training/corpus.tsv` of the repository):"
            + ", ".join(f" {name.replace('.', ' ')} {size / 1e6:.1f} MB" for name, size in sizes.items())
            + ".",
            "",
            corpus_table(manifest),
            "",
        ]
    if evaluation:
        lines += ["## Measured", "", quality(evaluation), ""]
    if comparison:
        lines += ["## Against dense twins", "", comparison.strip(), ""]
    lines += [
        "## Limits",
        "",
        "It saw little general text beyond old books and technical documentation, so it knows few facts, and its English leans"
        " technical. Text is folded to ASCII; indentation is not seen. Masked scores count hidden tokens with both sides"
        " visible and are no compression rates. It must not be used to make decisions about people.",
        "",
        "`reference/` holds expected intermediate results of these very weights, for `verify`.",
        "",
    ]
    return "\n".join(lines)
