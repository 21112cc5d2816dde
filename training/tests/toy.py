"""Toy data for tests: a tiny language with structure, shards of some sentences, and settings that train in seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Sequence

import numpy as np
import torch

from fff_training.config import ModelConfig
from fff_training.data import TokenStore
from fff_training.heldout import HeldOut
from fff_training.settings import TrainSettings
from fff_training.shards import build_shards
from fff_training.tokenizer import train

CPU = torch.device("cpu")


def toy_tokens(count: int, seed: int) -> np.ndarray:
    """uint16 [count]: after token t mostly comes its fixed successor; a line break (7) every 13 tokens, <sep> every 97."""
    generator = np.random.default_rng(seed)
    tokens = np.zeros(count, np.uint16)
    current = 8
    for place in range(count):
        current = 8 + (current * 5 + 3) % 12 if generator.random() < 0.9 else int(generator.integers(8, 20))
        tokens[place] = 5 if place % 97 == 96 else 7 if place % 13 == 12 else current
    return tokens


def toy_arrays(seed: int = 0, count: int = 4000) -> Dict[str, np.ndarray]:
    """All three domains."""
    return {name: toy_tokens(count, seed + number) for number, name in enumerate(("prose", "markdown", "code"))}


def toy_store() -> TokenStore:
    """Training tokens."""
    return TokenStore.from_arrays(toy_arrays(), CPU, {"markdown": 2.0})


def toy_heldout() -> HeldOut:
    """Held-out windows of 16 tokens."""
    return HeldOut.from_arrays(toy_arrays(50, 800), {"prose": 4.0, "markdown": 4.0, "code": 3.0}, CPU, 16)


def toy_shards(folder: Path, texts: Sequence[str], **documents: int) -> Path:
    """Token shards of a text a domain (prose, code, Markdown), ``documents`` of them a part; ``folder/tokenizer.json`` too.

    Returns:
        The folder of the shards.
    """
    corpus, tokenizer = folder / "corpus", folder / "tokenizer.json"
    corpus.mkdir()
    for domain, text in zip(("prose", "code", "markdown"), texts):
        for part, count in documents.items():
            (corpus / f"{domain}.{part}.000.txt").write_text("".join(f"{text} {n}\f\n" for n in range(count)), "utf-8")
    train(texts, 240).save(str(tokenizer))
    build_shards(corpus, tokenizer, folder / "shards")
    return folder / "shards"


def toy_settings(**changes: Any) -> TrainSettings:
    """A model of some thousand parameters."""
    model: Dict[str, Any] = {
        "vocab_size": 48, "hidden_size": 16, "layers": 2, "heads": 2, "depth": 3, "max_sequence_length": 32,
        "init_std": 0.1,
    }  # fmt: skip
    model.update(changes.pop("model", {}))
    values: Dict[str, Any] = {
        "tokens": 32 * 16 * 24, "batch": 32, "length": 16, "packed_every": 3, "shortest": 4, "compile": False,
        "precision": "fp32", "log_every": 4, "evaluate_every": 0.5, "save_seconds": 1e9,
    }  # fmt: skip
    values.update(changes)
    return TrainSettings.from_dict({**values, "model": ModelConfig(**model).to_dict()})
