"""Copies results out of the work folder in few files of bounded size, and puts them together again.

``results.tar.xz`` holds logs, settings, evaluations and outputs of all runs; ``model.tar.<nnn>`` are the parts of the
best exportable model (fp16). ``python -m fff_training.collect --join OUT --to DIR`` restores both.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any, List, Optional

import torch

from .checkpoint import load_model, save_hub
from .config import ConfigError

PART_BYTES = 15_500_000
_SMALL = ("log.jsonl", "settings.json", "evaluation.json", "done.json", "train.out", "evaluate.out")


def best_run(work: Path, ship: str) -> Optional[Path]:
    """The run to copy out: ``ship`` once it has a model, otherwise the exportable run with the lowest held-out loss."""
    if ship and (work / ship / "model" / "config.json").exists():
        return work / ship
    best, lowest = None, float("inf")
    for log in sorted(work.glob("*/log.jsonl")):
        if not (log.parent / "model" / "config.json").exists():
            continue
        for line in log.read_text("utf-8").splitlines():
            try:
                loss = json.loads(line).get("prose_loss")
            except json.JSONDecodeError:
                continue
            if loss is not None and loss < lowest:
                best, lowest = log.parent, loss
    return best


def collect(work: Path, out: Path, ship: str, part_bytes: int = PART_BYTES) -> List[str]:
    """Writes the current results to ``out``; each file is complete or absent. Returns the file names."""
    out.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz", preset=3) as archive:
        for folder in sorted(path for path in work.iterdir() if path.is_dir()):
            for name in _SMALL:
                if (folder / name).exists():
                    archive.add(folder / name, f"{folder.name}/{name}")
    written = [_write(out / "results.tar.xz", buffer.getvalue())]
    run = best_run(work, ship)
    if run is not None:
        try:
            model = load_model(run / "model")
        except (OSError, ValueError, ConfigError):
            return written
        half = work / "collected"
        save_hub(model, half / run.name / "model", torch.float16)
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            archive.add(half / run.name / "model", f"{run.name}/model")
        data = buffer.getvalue()
        for old in out.glob("model.tar.*"):
            old.unlink()
        for number, start in enumerate(range(0, len(data), part_bytes)):
            written.append(_write(out / f"model.tar.{number:03d}", data[start : start + part_bytes]))
    return written


def _write(path: Path, data: bytes) -> str:
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(data)
    os.replace(partial, path)
    return path.name


def join(out: Path, to: Path) -> List[str]:
    """Unpacks what ``collect`` wrote into run folders under ``to``; returns their names."""
    to.mkdir(parents=True, exist_ok=True)
    safe: Any = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
    with tarfile.open(out / "results.tar.xz") as archive:
        archive.extractall(to, **safe)
    parts = sorted(out.glob("model.tar.*"))
    if parts:
        with tarfile.open(fileobj=io.BytesIO(b"".join(part.read_bytes() for part in parts))) as archive:
            archive.extractall(to, **safe)
    return sorted(path.name for path in to.iterdir() if path.is_dir())


def main(arguments: Optional[List[str]] = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--join", type=Path, required=True, help="folder with results.tar.xz and model.tar.*")
    parser.add_argument("--to", type=Path, required=True)
    options = parser.parse_args(arguments)
    print(json.dumps({"runs": join(options.join, options.to)}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
