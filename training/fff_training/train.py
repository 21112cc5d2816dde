"""Trains one model: ``python -m fff_training.train --shards DIR --out DIR [--settings run.json] [--seconds 300]``.

Writes ``log.jsonl`` (one JSON line per event, flushed), ``checkpoint.pt`` (the same command resumes exactly) and, at
every checkpoint and at the end, ``model/`` in hub layout. Exit status 0: finished; 75: paused, run again to go on.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import List, Optional

import torch

from .data import TokenStore
from .distributed import World
from .heldout import HeldOut
from .settings import TrainSettings
from .trainer import Trainer

PAUSED = 75


def main(arguments: Optional[List[str]] = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--settings", type=Path, help="JSON of TrainSettings; defaults otherwise")
    parser.add_argument("--seconds", type=float, help="training seconds, instead of the settings'")
    parser.add_argument("--deadline", type=float, default=0.0, help="UNIX time by which training must have ended")
    parser.add_argument("--pause-at", type=float, default=0.0, help="UNIX time at which to stop unfinished")
    parser.add_argument("--device", default="", help="cuda, cpu; default: the GPU when there is one")
    parser.add_argument("--allow-missing", action="store_true", help="train on the shards that are there")
    options = parser.parse_args(arguments)
    settings = TrainSettings.load(options.settings) if options.settings else TrainSettings()
    if options.seconds:
        settings = replace(settings, seconds=options.seconds)
    torch.set_float32_matmul_precision("high")
    world = World.join(options.device)
    store = TokenStore.load(options.shards, world.device, settings.domain_weights, options.allow_missing)
    heldout = HeldOut.load(options.shards, world.device, settings.model.max_sequence_length)
    trainer = Trainer(settings, store, options.out, world, heldout, options.deadline, options.pause_at)
    trainer.resume()
    trainer.run()
    world.leave()
    return 0 if trainer.finished else PAUSED


if __name__ == "__main__":
    raise SystemExit(main())
