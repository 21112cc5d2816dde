"""Writes the shipped folder: ``python -m fff_training.export --run RUN --shards DIR --out models/default``.

fp16 safetensors without the tied decoder, ``config.json``, ``tokenizer.json``, ``README.md`` (the model card, filled
from the run's own log and evaluation) and ``reference/`` for the extension's ``verify``.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
from pathlib import Path
from typing import Any, Dict, List, Optional

import torch
from tokenizers import Tokenizer

from .checkpoint import load_model, save_hub
from .model_card import model_card
from .reference import write_reference

LIMIT_BYTES = 45_000_000
_RUN_FOLDERS = ("teacher", "start_from")


class ExportError(ValueError):
    """The folder cannot be written or is too large to ship; says which file or limit."""


def read_log(path: Path) -> List[Dict[str, Any]]:
    """Events of ``log.jsonl``; a last line cut off by a kill is left out.

    The folders of other runs that a run built on (a teacher's, a start's) are reduced to those runs' names: what is
    published names no folder of the training machine.
    """
    events: List[Dict[str, Any]] = []
    for line in path.read_text("utf-8").splitlines():
        try:
            events.append(_without_folders(json.loads(line)))
        except json.JSONDecodeError:
            continue
    return events


def _without_folders(event: Dict[str, Any]) -> Dict[str, Any]:
    settings = event.get("settings")
    if not isinstance(settings, dict):
        return event
    named = {key: run_name(settings[key]) for key in _RUN_FOLDERS if key in settings}
    return {**event, "settings": {**settings, **named}}


def run_name(folder: str) -> str:
    """The run whose model a folder holds: ``RUN/model`` is a run's own, any other stands for itself."""
    parts = [part for part in re.split(r"[/\\]", folder) if part]
    return parts[-2] if len(parts) > 1 and parts[-1] == "model" else "".join(parts[-1:])


def export(
    run: Path,
    tokenizer_file: Path,
    out: Path,
    corpus_manifest: Optional[Path] = None,
    comparison: Optional[Path] = None,
    limit: int = LIMIT_BYTES,
) -> int:
    """Exports ``run/model`` and returns the folder's bytes.

    Raises:
        ExportError: a file is missing, the folder would exceed ``limit``, or vocabulary and tokenizer differ.
        ConfigError: the architecture is an experiment that the hub layout cannot say.
    """
    for path in (run / "model" / "config.json", tokenizer_file, *([comparison] if comparison else [])):
        if not path.exists():
            raise ExportError(f"{path} is missing: name a finished run, its shards and an existing comparison.")
    model = load_model(run / "model")
    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    if tokenizer.get_vocab_size() != model.config.vocab_size:
        raise ExportError(
            f"The tokenizer has {tokenizer.get_vocab_size()} entries, the model {model.config.vocab_size}."
        )
    out.mkdir(parents=True, exist_ok=True)
    save_hub(model, out, torch.float16)
    shutil.copyfile(tokenizer_file, out / "tokenizer.json")
    write_reference(load_model(out), tokenizer, out / "reference")
    evaluation = (
        json.loads((run / "evaluation.json").read_text("utf-8")) if (run / "evaluation.json").exists() else None
    )
    manifest = json.loads(corpus_manifest.read_text("utf-8")) if corpus_manifest and corpus_manifest.exists() else None
    table = comparison.read_text("utf-8") if comparison else None
    card = model_card(model.config, read_log(run / "log.jsonl"), evaluation, manifest, table)
    (out / "README.md").write_text(card, "utf-8")
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    if size > limit:
        raise ExportError(f"{out} is {size} bytes, {size - limit} over the limit of {limit}.")
    return size


def main(arguments: Optional[List[str]] = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="folder of a training run")
    parser.add_argument("--shards", type=Path, required=True, help="folder with tokenizer.json and manifest.json")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--comparison", type=Path, help="Markdown table of compare.py for the model card")
    options = parser.parse_args(arguments)
    try:
        size = export(
            options.run,
            options.shards / "tokenizer.json",
            options.out,
            options.shards / "manifest.json",
            options.comparison,
        )
    except (OSError, ValueError) as error:
        parser.error(str(error))
    print(json.dumps({"bytes": size, "folder": str(options.out)}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
