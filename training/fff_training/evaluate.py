"""Measures one model: ``python -m fff_training.evaluate --model DIR --shards DIR --out result.json``.

Masked loss and accuracy by domain and length of text, bits a character, leaf use, the fill-mask suite, and the downstream
stand-ins.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any, Dict, List, Optional

import torch
from tokenizers import Tokenizer

from .checkpoint import load_model
from .downstream import fine_tune, tasks_from
from .fill_mask import SUITE, fill_mask_suite
from .heldout import HeldOut, bits_per_character, masked_scores
from .model import MaskedLanguageModel
from .usage import leaf_usage


def evaluate(
    model: MaskedLanguageModel,
    heldout: HeldOut,
    tokenizer: Optional[Tokenizer] = None,
    precision: str = "fp32",
    rows: int = 0,
    usage_tokens: int = 100_000,
) -> Dict[str, Any]:
    """All figures that need no training.

    Args:
        rows: windows per domain; 0 for all of them.
        usage_tokens: tokens over which leaf use is counted, an even mixture of the domains.
    """
    result: Dict[str, Any] = {"model": model.config.to_dict(), "parameters": sum(p.numel() for p in model.parameters())}
    result["active_neurons"] = model.config.active_neurons
    for name, windows in heldout.windows.items():
        scores = masked_scores(model, windows[: rows or None], precision)
        scores["bits_per_character"] = bits_per_character(scores["loss"], heldout.characters_per_token[name])
        result[name] = scores
    result["short"] = {
        str(length): {
            name: masked_scores(model, windows[: rows or None], precision)
            for name, windows in heldout.beginnings(length).items()
        }
        for length in heldout.short_lengths
    }
    share = usage_tokens // (heldout.length * max(1, len(heldout.windows))) + 1
    mixture = torch.cat([windows[:share] for windows in heldout.windows.values()])
    result["usage"] = leaf_usage(model, mixture, usage_tokens)
    if tokenizer is not None:
        result["fill_mask"] = fill_mask_suite(model, tokenizer, SUITE)
    return result


def main(arguments: Optional[List[str]] = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="hub folder")
    parser.add_argument("--shards", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=0, help="windows per domain; 0: all")
    parser.add_argument("--usage-tokens", type=int, default=100_000)
    parser.add_argument(
        "--snippets", type=Path, help="snippets.jsonl for the downstream tasks; default: beside the shards"
    )
    parser.add_argument("--seeds", type=int, default=3, help="fine-tuning seeds; 0: no downstream tasks")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--device", default="")
    options = parser.parse_args(arguments)
    device = torch.device(options.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    start = time.monotonic()
    model = load_model(options.model).to(device)
    tokenizer = Tokenizer.from_file(str(options.shards / "tokenizer.json"))
    heldout = HeldOut.load(options.shards, device, model.config.max_sequence_length)
    result = evaluate(model, heldout, tokenizer, options.precision, options.rows, options.usage_tokens)
    snippets = options.snippets or options.shards / "snippets.jsonl"
    if options.seeds and snippets.exists():
        result["downstream"] = [
            fine_tune(model, task, seed, options.epochs, precision=options.precision)
            for task in tasks_from(snippets, tokenizer, min(64, model.config.max_sequence_length))
            for seed in range(options.seeds)
        ]
    result["seconds"] = round(time.monotonic() - start, 1)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    shown = {name: result[name] for name in ("prose", "markdown", "code") if name in result}
    print(json.dumps({**shown, "usage": result["usage"], "seconds": result["seconds"]}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
