"""FFF against its dense counterparts: ``python -m fff_training.compare RUNS_DIR --out comparison.md``.

Reads ``<run>/evaluation.json`` of every run folder, or with ``--plan NAME`` the ``NAME-<run>.json`` of a folder of recorded
evaluations (``docs/training/evaluations``), groups runs that differ in the seed only (``name-s1``, ``name-s2``)
and prints means with the spread, and how much of the gap between dense-16 and dense-4095 each model closes.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from statistics import mean
from typing import Any, Dict, List, Optional

from .corpus.clean import DOMAINS


def read_runs(folder: Path, plan: str = "") -> Dict[str, List[Dict[str, Any]]]:
    """Evaluations by name without its seed suffix; of run folders, or recorded ones of ``plan``."""
    groups: Dict[str, List[Dict[str, Any]]] = {}
    for path in sorted(folder.glob(f"{plan}-*.json" if plan else "*/evaluation.json")):
        run = path.stem[len(plan) + 1 :] if plan else path.parent.name
        name = re.sub(r"-s\d+$", "", run)
        groups.setdefault(name, []).append(json.loads(path.read_text("utf-8")))
    return groups


def gap_closed(loss: float, weak: float, strong: float) -> Optional[float]:
    """Share of the loss gap from the weak to the strong reference that ``loss`` closes; None where there is no gap.

    >>> gap_closed(2.5, 3.0, 2.0)
    0.5
    """
    return None if weak - strong <= 0 else (weak - loss) / (weak - strong)


def summarize(groups: Dict[str, List[Dict[str, Any]]], weak: str, strong: str) -> Dict[str, Dict[str, Any]]:
    """For each group: seeds, and per domain the mean and half range of loss and top-1, gap closed, share of top-1."""
    table: Dict[str, Dict[str, Any]] = {}
    for name, runs in groups.items():
        row: Dict[str, Any] = {
            "seeds": len(runs),
            "parameters": runs[0]["parameters"],
            "active": runs[0]["active_neurons"],
        }
        for domain in DOMAINS:
            for key in ("loss", "top1", "bits_per_character"):
                values = [run[domain][key] for run in runs if domain in run]
                if values:
                    row[f"{domain}_{key}"] = mean(values)
                    row[f"{domain}_{key}_spread"] = (max(values) - min(values)) / 2
        usage = [layer["entropy_bits"] for run in runs for layer in run.get("usage", [])]
        row["least_entropy_bits"] = min(usage) if usage else None
        table[name] = row
    for row in table.values():
        for domain in DOMAINS:
            key = f"{domain}_loss"
            if weak in table and strong in table and key in row and key in table[weak] and key in table[strong]:
                row[f"{domain}_gap_closed"] = gap_closed(row[key], table[weak][key], table[strong][key])
                best = table[strong][f"{domain}_top1"]
                row[f"{domain}_top1_share"] = row[f"{domain}_top1"] / best if best else None
    return table


def to_markdown(table: Dict[str, Dict[str, Any]]) -> str:
    """The summary as a Markdown table; a spread of several seeds follows ±."""

    def cell(row: Dict[str, Any], key: str, digits: int) -> str:
        if row.get(key) is None:
            return "-"
        spread = f" ± {row[key + '_spread']:.{digits}f}" if row["seeds"] > 1 and key + "_spread" in row else ""
        return f"{row[key]:.{digits}f}{spread}"

    heads = ["run", "seeds", "parameters", "active neurons"]
    heads += [f"{domain} loss / top-1" for domain in DOMAINS] + ["loss gap closed", "share of top-1"]
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    for name, row in table.items():
        cells = [name, str(row["seeds"]), f"{row['parameters'] / 1e6:.2f} M", str(row["active"])]
        cells += [f"{cell(row, f'{domain}_loss', 3)} / {cell(row, f'{domain}_top1', 3)}" for domain in DOMAINS]
        for key in ("gap_closed", "top1_share"):
            shares = [row.get(f"{domain}_{key}") for domain in DOMAINS]
            cells.append(", ".join("-" if share is None else f"{share:.0%}" for share in shares))
        lines.append("| " + " | ".join(cells) + " |")
    domains = ", ".join(DOMAINS)
    lines += ["", f"Gap from dense-16 to dense-4095 that a run closes, and its share of dense-4095's top-1: {domains}."]
    return "\n".join(lines) + "\n"


def main(arguments: Optional[List[str]] = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--plan", default="", help="runs is a folder of recorded evaluations; those of this plan")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--weak", default="dense16")
    parser.add_argument("--strong", default="dense4095")
    options = parser.parse_args(arguments)
    groups = read_runs(options.runs, options.plan)
    if not groups:
        wanted = f"{options.plan}-<run>.json" if options.plan else "<run>/evaluation.json"
        parser.error(f"there is no {wanted} in {options.runs}")
    text = to_markdown(summarize(groups, options.weak, options.strong))
    if options.out:
        options.out.write_text(text, "utf-8")
    print(text, end="")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
