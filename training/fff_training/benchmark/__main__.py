"""``python -m fff_training.benchmark --out FILE``: measures, prints a table and writes a `.fffbench` file."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Optional

import torch

from .engines import DTYPES
from .run import Request, run
from .schedule import Limits

# What the paper reports for its batched PyTorch form on a GPU.
PAPER_FACTOR = 40


def main(arguments: Optional[List[str]] = None) -> int:
    """Exit code 1 where nothing could be measured."""
    request, out = parse(arguments)
    if request.device.type == "cpu":
        torch.set_num_threads(request.threads)
    started, announced = time.monotonic(), [""]

    def say(what: str) -> None:
        if what != announced[0]:
            announced[0] = what
            print(f"{time.monotonic() - started:6.1f} s  {what}", file=sys.stderr, flush=True)

    result = run(request, say)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, allow_nan=False) + "\n", "utf-8")
    print(report(result))
    print(f"\nWritten to {out} after {time.monotonic() - started:.0f} s.")
    return 0 if result["rows"] else 1


def parse(arguments: Optional[List[str]] = None) -> "tuple[Request, Path]":
    """The command line; exits with a sentence where it is wrong."""
    parser = argparse.ArgumentParser(prog="python -m fff_training.benchmark", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the .fffbench file")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--batches", type=numbers, default=[1, 16, 128, 1024, 16384])
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--depth", type=int, default=11)
    parser.add_argument("--precision", default="fp32,bf16", help="fp32, tf32 (GPU only), bf16, separated by commas")
    parser.add_argument("--distribution", choices=["spread", "repeated"], default="spread")
    parser.add_argument("--compile", action="store_true", help="also the paper's form through torch.compile")
    parser.add_argument("--threads", type=int, default=1, help="of the processor")
    parser.add_argument("--seconds", type=float, default=Limits.total_seconds, help="when cells begin to be cut short")
    parser.add_argument("--pairs", type=int, default=Limits.minimum_pairs, help="rounds of each cell")
    parser.add_argument("--cell-seconds", type=float, default=Limits.minimum_seconds, help="a cell takes at least")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    precisions = [part.strip() for part in given.precision.split(",") if part.strip()]
    unknown = [precision for precision in precisions if precision not in DTYPES]
    if unknown or not precisions:
        parser.error(f"--precision takes {', '.join(DTYPES)}, separated by commas.")
    if given.device == "cuda" and not torch.cuda.is_available():
        parser.error("PyTorch sees no GPU here; --device cpu measures the processor.")
    if given.device == "cpu" and "tf32" in precisions:
        parser.error("tf32 is a GPU's precision.")
    if min(given.width, given.depth, given.threads, given.pairs, *given.batches) < 1:
        parser.error("--width, --depth, --threads, --pairs and --batches take numbers from 1 on.")
    limits = Limits(total_seconds=given.seconds, minimum_pairs=given.pairs, minimum_seconds=given.cell_seconds)
    request = Request(
        given.batches, precisions, given.width, given.depth, torch.device(given.device), given.distribution,
        given.compile, given.threads, given.seed, limits,
    )  # fmt: skip
    return request, given.out


def numbers(text: str) -> List[int]:
    """Whole numbers separated by commas."""
    return [int(part) for part in text.split(",")]


def report(result: Dict[str, Any]) -> str:
    """A table a row, and what became of the paper's factor."""
    lines = [f"{'engine':52} {'batch':>6} {'us a token':>12} {'to best dense':>26} {'to best 3072':>26}"]
    for row in result["rows"]:
        name = f"{row['engine']} {row['precision']} ({row['implementation']})"
        time_text = f"{row['microsecondsPerToken']['median']:.4g}"
        ratios = "".join(f" {interval_text(row[key]):>26}" for key in ("ratioToBestDense", "ratioToBest3072"))
        lines.append(f"{name:52} {row['batch']:>6} {time_text:>12}{ratios}")
    for test in result["selfTests"]:
        held = "holds 1" if test["passed"] else "does not hold 1"
        lines.append(f"A/A at batch {test['cell']['batch']}: {interval_text(test['ratio'])} {held} ({test['engine']})")
    for entry in result["excluded"]:
        lines.append(f"Left out at batch {entry['cell']['batch']}: {entry['engine']}: {entry['reason']}")
    for entry in result["unfinished"]:
        lines.append(f"Unfinished: batch {entry['cell']['batch']}: {entry['reason']}")
    return "\n".join(lines + paper_lines(result))


def paper_lines(result: Dict[str, Any]) -> List[str]:
    """The paper's form against dense layers called in the same way, eagerly: its own setting, on distinct tokens."""
    lines = []
    for row in result["rows"]:
        if row["engine"] != "paper-fff-torch" or row["implementation"] != "PyTorch":
            continue
        for other in result["rows"]:
            same = all(row[key] == other[key] for key in ("batch", "precision", "implementation"))
            if same and other["engine"] == "dense-3072":
                factor = other["microsecondsPerToken"]["median"] / row["microsecondsPerToken"]["median"]
                verdict = "and more" if factor >= PAPER_FACTOR else "not reached"
                lines.append(
                    f"The paper's form, {row['precision']}, batch {row['batch']}: {factor:.3g} times as fast as an eager "
                    f"layer of 3072 neurons; the paper's {PAPER_FACTOR}: {verdict}."
                )  # fmt: skip
    return lines


def interval_text(ratio: Optional[Dict[str, float]]) -> str:
    """`12.3 [11.9, 12.6]`."""
    return "-" if ratio is None else f"{ratio['median']:.3g} [{ratio['low']:.3g}, {ratio['high']:.3g}]"


if __name__ == "__main__":
    sys.exit(main())
