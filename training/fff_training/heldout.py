"""Masked loss and accuracy on held-out tokens: the same windows and masks for every model and every run."""

from __future__ import annotations

import math
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ContextManager, Dict, List, Mapping

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .corpus.clean import DOMAINS
from .data import generator_for, mask_batch
from .model import MaskedLanguageModel
from .shards import characters_per_token, load_tokens
from .tokenizer import SEP

MASK_RATE = 0.15
SHORT_LENGTHS = (12, 24, 48, 96)
"""Lengths of texts beside whole windows, none of them a round one that a recipe might single out."""


@dataclass
class HeldOut:
    """Held-out windows by domain, int64 [N, length] (the last token is ``<sep>``), and characters per token."""

    windows: Dict[str, Tensor]
    characters_per_token: Dict[str, float]

    @property
    def length(self) -> int:
        """Tokens in one window."""
        return next(iter(self.windows.values())).shape[1]

    @property
    def short_lengths(self) -> List[int]:
        """Those of ``SHORT_LENGTHS`` that are shorter than a window."""
        return [length for length in SHORT_LENGTHS if length < self.length]

    def beginnings(self, length: int) -> Dict[str, Tensor]:
        """The beginning of every window as a text of its own, int64 [N, length]: what people select is mostly short."""
        cut = {name: windows[:, :length].clone() for name, windows in self.windows.items()}
        for windows in cut.values():
            windows[:, -1] = SEP
        return cut

    @staticmethod
    def load(folder: Path, device: torch.device, length: int = 128) -> "HeldOut":
        """Reads the held-out shards; domains shorter than one window are left out."""
        arrays = {name: load_tokens(folder, name, "heldout") for name in DOMAINS}
        ratio = {name: characters_per_token(folder, name) for name in DOMAINS}
        return HeldOut.from_arrays(arrays, ratio, device, length)

    @staticmethod
    def from_arrays(
        arrays: Mapping[str, np.ndarray], ratio: Mapping[str, float], device: torch.device, length: int = 128
    ) -> "HeldOut":
        """Cuts each domain's tokens into consecutive windows, shuffled once so that a prefix is a fair sample."""
        windows: Dict[str, Tensor] = {}
        for name, array in arrays.items():
            rows = len(array) // (length - 1)
            if not rows:
                continue
            tokens = torch.from_numpy(array[: rows * (length - 1)].astype(np.int64)).view(rows, length - 1)
            tokens = torch.cat([tokens, torch.full((rows, 1), SEP)], dim=1)
            order = torch.randperm(rows, generator=generator_for(11, rows, torch.device("cpu")))
            windows[name] = tokens[order].to(device)
        return HeldOut(windows, dict(ratio))


def autocast_of(model: MaskedLanguageModel, precision: str) -> ContextManager[Any]:
    """bf16 autocast on the model's device, or nothing for fp32."""
    device = next(model.parameters()).device
    return torch.autocast(device.type, torch.bfloat16) if precision == "bf16" else nullcontext()


@torch.no_grad()
def masked_scores(
    model: MaskedLanguageModel,
    windows: Tensor,
    precision: str = "fp32",
    rate: float = MASK_RATE,
    rows_at_once: int = 64,
) -> Dict[str, float]:
    """Loss in nats, top-1 and top-5 at ``rate`` masks (every hidden token replaced by ``<mask>``), and the mask count.

    Args:
        windows: int64 [N, S].
    """
    count = max(1, round(rate * windows.shape[1]))
    loss = first = fifth = 0.0
    masks = 0
    for start in range(0, len(windows), rows_at_once):
        ids = windows[start : start + rows_at_once]
        # The masks are drawn on the CPU: the same ones on every device.
        generator = generator_for(23, start, torch.device("cpu"))
        batch = mask_batch(ids.cpu(), count, generator)
        positions, labels = batch.positions.to(ids.device), batch.labels.to(ids.device)
        with autocast_of(model, precision):
            hidden = model.encoder(batch.ids.to(ids.device)).hidden.flatten(0, 1)[positions]
            logits = model.decode(hidden).float()
        loss += float(F.cross_entropy(logits, labels, reduction="sum"))
        hits = logits.topk(5, dim=-1).indices == labels[:, None]
        first += float(hits[:, 0].sum())
        fifth += float(hits.sum())
        masks += len(labels)
    return {"loss": loss / masks, "top1": first / masks, "top5": fifth / masks, "masks": masks}


def bits_per_character(loss: float, characters_per_token: float) -> float:
    """A masked loss in nats a token as bits a character, so that tokenizers compare.

    Not a compression rate: hidden tokens see both sides.
    """
    return loss / math.log(2) / characters_per_token


def quick_losses(model: MaskedLanguageModel, heldout: HeldOut, precision: str, rows: int = 256) -> Dict[str, float]:
    """Loss and top-1 of each domain on the first ``rows`` windows, for the training log; top-1 of the shortest, too."""
    found: Dict[str, float] = {}
    for name, windows in heldout.windows.items():
        scores = masked_scores(model, windows[:rows], precision)
        found[f"{name}_loss"], found[f"{name}_top1"] = round(scores["loss"], 4), round(scores["top1"], 4)
    for length in heldout.short_lengths[:1]:
        for name, windows in heldout.beginnings(length).items():
            found[f"{name}_{length}_top1"] = round(masked_scores(model, windows[:rows], precision)["top1"], 4)
    return found
