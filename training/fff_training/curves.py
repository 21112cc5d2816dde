"""Held-out loss against tokens as one SVG: ``python -m fff_training.curves --logs DIR --out curves.svg``.

Every ``<name>.jsonl`` in the folder, or those that ``--only`` names, is one line of each panel; its points are the quick
evaluations of the training log. The first ones, where every run still falls steeply, are left out so that the runs can be
told apart.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple
from xml.sax.saxutils import escape

from .corpus.clean import DOMAINS

Points = List[Tuple[float, float]]
COLOURS = ("#0b6e99", "#c2571a", "#4b8b3b", "#7b4ea3", "#a33b4e", "#6b6b6b", "#b58900", "#00897b", "#1f1f1f", "#d36ba6")
DASHES = ("", "7 3", "2 3", "9 3 2 3", "4 4")
PANEL_WIDTH, PANEL_HEIGHT, TOP, LEFT, GAP, LEGEND = 300, 260, 44, 54, 34, 26


def read_curves(folder: Path, first: float = 0.0) -> Dict[str, Dict[str, Points]]:
    """(millions of tokens, loss in nats) by run and domain, in order of names; runs without evaluations are left out.

    Args:
        first: points with fewer millions of tokens are left out.
    """
    curves: Dict[str, Dict[str, Points]] = {}
    for path in sorted(folder.glob("*.jsonl")):
        found: Dict[str, Points] = {domain: [] for domain in DOMAINS}
        for line in path.read_text("utf-8").splitlines():
            event = json.loads(line)
            for domain in DOMAINS:
                if event.get("tokens", 0) > first * 1e6 and f"{domain}_loss" in event:
                    found[domain].append((event["tokens"] / 1e6, event[f"{domain}_loss"]))
        if any(found.values()):
            curves[path.stem] = found
    return curves


def panel_left(number: int) -> int:
    """Left edge of the plot of the ``number``-th panel; the legend stands in the same columns."""
    return LEFT + number * (PANEL_WIDTH + GAP + LEFT - 20)


def line_style(number: int) -> str:
    """Stroke attributes of the ``number``-th run, the same in every panel and in the legend."""
    dash = DASHES[number % len(DASHES)]
    return f'stroke="{COLOURS[number % len(COLOURS)]}" stroke-width="2"' + (f' stroke-dasharray="{dash}"' if dash else "")


def ticks(low: float, high: float, step: float) -> List[float]:
    """Multiples of ``step`` within [low, high]."""
    return [number * step for number in range(math.ceil(low / step), math.floor(high / step) + 1)]


def panel(domain: str, curves: Dict[str, Dict[str, Points]], names: Sequence[str], left: float) -> List[str]:
    """One domain's chart: tokens on a logarithmic axis, loss on a linear one."""
    points = [point for name in names for point in curves[name][domain]]
    tokens, losses = [math.log10(point[0]) for point in points], [point[1] for point in points]
    x0, x1, y0, y1 = min(tokens), max(tokens), min(losses) - 0.05, max(losses) + 0.05

    def place(point: Tuple[float, float]) -> str:
        x = left + (math.log10(point[0]) - x0) / max(1e-9, x1 - x0) * PANEL_WIDTH
        return f"{x:.1f} {TOP + (y1 - point[1]) / (y1 - y0) * PANEL_HEIGHT:.1f}"

    parts = [f'<text x="{left}" y="{TOP - 12}" font-size="14" fill="#222222">{domain}: held-out loss (nats)</text>']
    for value in ticks(y0, y1, 0.5 if y1 - y0 > 1.2 else 0.2):
        y = place((10**x0, value)).split()[1]
        parts.append(f'<path d="M{left} {y}h{PANEL_WIDTH}" stroke="#dddddd"/>')
        parts.append(f'<text x="{left - 6}" y="{float(y) + 4:.1f}" text-anchor="end" fill="#444444">{value:.1f}</text>')
    for value in (200, 500, 1000, 2000, 4000):
        if x0 <= math.log10(value) <= x1:
            x = place((value, y0)).split()[0]
            bottom = TOP + PANEL_HEIGHT
            parts.append(f'<text x="{x}" y="{bottom + 16}" text-anchor="middle" fill="#444444">{value}</text>')
    for number, name in enumerate(names):
        line = "L".join(place(point) for point in curves[name][domain])
        if line:
            parts.append(f'<path d="M{line}" fill="none" {line_style(number)}/>')
    return parts


def draw(curves: Dict[str, Dict[str, Points]]) -> str:
    """The whole picture, one panel a domain, the runs named below."""
    names = list(curves)
    width = panel_left(len(DOMAINS))
    height = TOP + PANEL_HEIGHT + 44 + LEGEND * math.ceil(len(names) / 3)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12"'
        ' role="img"><title>Held-out loss against training tokens</title>',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for number, domain in enumerate(DOMAINS):
        parts += panel(domain, curves, names, panel_left(number))
    base = TOP + PANEL_HEIGHT
    parts.append(f'<text x="{LEFT}" y="{base + 34}" fill="#222222">millions of tokens trained on (logarithmic)</text>')
    for number, name in enumerate(names):
        x, y = panel_left(number % 3), base + 56 + LEGEND * (number // 3)
        parts.append(f'<path d="M{x} {y - 4}h30" {line_style(number)}/>')
        parts.append(f'<text x="{x + 38}" y="{y}" fill="#222222">{escape(name)}</text>')
    return "\n".join(parts) + "\n</svg>\n"


def main(arguments: Optional[List[str]] = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logs", type=Path, required=True, help="folder of <name>.jsonl training logs")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="these logs, in this order; default: all")
    parser.add_argument("--from", type=float, default=400.0, dest="first", help="first point, in millions of tokens")
    options = parser.parse_args(arguments)
    curves = read_curves(options.logs, options.first)
    if not curves:
        parser.error(f"no log in {options.logs} has a held-out evaluation")
    missing = [name for name in options.only if name not in curves]
    if missing:
        parser.error(f"{options.logs} has no log {' or '.join(missing)} with a held-out evaluation")
    curves = {name: curves[name] for name in options.only or curves}
    options.out.write_text(draw(curves), "utf-8")
    print(json.dumps({"runs": list(curves), "out": str(options.out)}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
