"""Batches from tokens that stay in device memory. Stateless: a batch depends on the seed and the step only.

That makes resuming exact and lets two runs with the same seed see the same tokens and masks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, NamedTuple, Optional, Tuple

import numpy as np
import torch
from torch import Tensor

from .corpus.clean import DOMAINS
from .packing import Packing, pack, texts_in_row
from .shards import load_tokens
from .tokenizer import MASK, SEP

NEWLINE_ID = 7


class MaskedBatch(NamedTuple):
    """``ids`` int64 [B, S] with masks, ``positions`` int64 [B*m] flat places of the masks, ``labels`` int64 [B*m]."""

    ids: Tensor
    positions: Tensor
    labels: Tensor
    packing: Optional[Packing] = None


@dataclass
class TokenStore:
    """Training tokens of all domains in one int16 tensor, with the line starts of each domain.

    ``weights`` say how often a token of a domain counts (1 where a domain is not named). Tokens are below 32768, so int16 holds them.
    """

    tokens: Tensor
    bounds: Tuple[Tuple[int, int], ...]
    line_starts: Tuple[Tensor, ...]
    probabilities: Tensor = field(repr=False)

    @staticmethod
    def load(
        folder: Path, device: torch.device, weights: Optional[Dict[str, float]] = None, allow_missing: bool = False
    ) -> "TokenStore":
        """Reads the training shards in ``folder``."""
        arrays = {name: load_tokens(folder, name, "train", allow_missing) for name in DOMAINS}
        return TokenStore.from_arrays(arrays, device, weights or {})

    @staticmethod
    def from_arrays(arrays: Dict[str, np.ndarray], device: torch.device, weights: Dict[str, float]) -> "TokenStore":
        """arrays: domain -> uint16 [N]; domains of under 256 tokens are left out."""
        kept = {name: array for name, array in arrays.items() if len(array) >= 256}
        if not kept:
            raise ValueError("There are no training tokens.")
        bounds, starts, sizes, at = [], [], [], 0
        for name, array in kept.items():
            bounds.append((at, at + len(array)))
            sizes.append(len(array) * weights.get(name, 1.0))
            ends = np.flatnonzero((array == NEWLINE_ID) | (array == SEP))
            ends = ends[ends < len(array) - 160] + 1
            places = ends if len(ends) else np.zeros(1, np.int64)
            starts.append(torch.from_numpy(places.astype(np.int32)).to(device))
            at += len(array)
        joined = torch.from_numpy(np.concatenate(list(kept.values())).astype(np.int16)).to(device)
        share = torch.tensor(sizes, dtype=torch.float64, device=device)
        return TokenStore(joined, tuple(bounds), tuple(starts), share / share.sum())

    def windows(self, step: int, seed: int, batch: int, length: int, line_share: float = 0.5) -> Tensor:
        """int64 [batch, length]: length-1 consecutive tokens and ``<sep>``; ``line_share`` of rows start at a line."""
        generator = generator_for(seed, step, self.tokens.device)
        start = self._starts(batch, length, line_share, generator)
        ids = self.tokens[start[:, None] + torch.arange(length - 1, device=start.device)].to(torch.int64)
        return torch.cat([ids, torch.full((batch, 1), SEP, dtype=torch.int64, device=start.device)], dim=1)

    def packed(
        self, step: int, seed: int, batch: int, length: int, shortest: int, longest: int = 0, line_share: float = 0.5
    ) -> Tuple[Tensor, Packing]:
        """int64 [batch, length]: rows of several texts, each of consecutive tokens closed by ``<sep>``.

        Args:
            shortest: tokens of the shortest text, its ``<sep>`` included (the last one of a row may be shorter still).
            longest: tokens of the longest; 0: a whole row.
        """
        generator = generator_for(seed, step, self.tokens.device)
        packing = pack(batch, length, shortest, longest or length, generator)
        texts = texts_in_row(length, shortest)
        start = self._starts(batch * texts, length, line_share, generator).view(batch, texts)
        ids = self.tokens[start.gather(1, packing.text) + packing.place].to(torch.int64)
        last = torch.ones_like(ids, dtype=torch.bool)
        last[:, :-1] = packing.text[:, 1:] != packing.text[:, :-1]
        return ids.masked_fill(last, SEP), packing

    def _starts(self, batch: int, length: int, line_share: float, generator: torch.Generator) -> Tensor:
        """int64 [batch]: where texts of up to ``length`` tokens begin; ``line_share`` of them at a line."""
        device = self.tokens.device
        domain = torch.multinomial(self.probabilities, batch, replacement=True, generator=generator)
        place = torch.rand(batch, dtype=torch.float64, device=device, generator=generator)
        by_line = torch.rand(batch, device=device, generator=generator) < line_share
        start = torch.zeros(batch, dtype=torch.int64, device=device)
        for number, ((first, last), lines) in enumerate(zip(self.bounds, self.line_starts)):
            free = first + (place * (last - first - length)).to(torch.int64)
            at_line = first + lines[(place * len(lines)).to(torch.int64)].to(torch.int64)
            chosen = torch.where(by_line, at_line.clamp(max=last - length), free)
            start = torch.where(domain == number, chosen, start)
        return start


def generator_for(seed: int, step: int, device: torch.device) -> torch.Generator:
    """A fresh generator whose state depends on seed and step only."""
    return torch.Generator(device=device).manual_seed((seed * 1_000_003 + step) % (2**63 - 1))


def mask_batch(ids: Tensor, count: int, generator: torch.Generator, packing: Optional[Packing] = None) -> MaskedBatch:
    """Hides exactly ``count`` tokens of each row behind ``<mask>``.

    Always ``<mask>``, never a random or kept token: that is how the model is used and measured, and the 80/10/10 rule
    was found unnecessary (Wettig et al., 2023). ``<sep>`` is hidden only in rows with fewer than ``count`` other tokens.

    Args:
        ids: int64 [B, S].
    """
    score = torch.rand(ids.shape, device=ids.device, generator=generator)
    chosen = torch.where(ids == SEP, score - 2.0, score).topk(count, dim=1).indices
    positions = (chosen + torch.arange(ids.shape[0], device=ids.device)[:, None] * ids.shape[1]).flatten()
    flat = ids.flatten()
    labels = flat[positions]
    return MaskedBatch(flat.scatter(0, positions, MASK).view_as(ids), positions, labels, packing)


def mask_count(length: int, rate: float) -> int:
    """Masks in a row of ``length`` tokens, rounded to steps of 4 (of 1 in rows under 64), so that shapes change rarely."""
    step = 4 if length >= 64 else 1
    return max(1, round(rate * length / step) * step)
