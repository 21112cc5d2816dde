"""Rows of several texts: how they are divided. Knows neither tokens nor model."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Packing(NamedTuple):
    """How rows are divided into texts: for each token the number of its text, and its place there, int64 [B, S].

    A text sees itself only and starts at position 0, so the model meets texts of every length, not just whole rows.
    """

    text: Tensor
    place: Tensor


def texts_in_row(length: int, shortest: int) -> int:
    """Texts of at least ``shortest`` tokens that may begin in a row of ``length``, the one cut off at its end included.

    >>> texts_in_row(32, 8), texts_in_row(32, 9)
    (4, 4)
    """
    return -(-length // shortest)


def pack(batch: int, length: int, shortest: int, longest: int, generator: torch.Generator) -> Packing:
    """Divides rows of ``length`` tokens into texts whose lengths are spread evenly on a logarithmic scale.

    Each length lies in [shortest, longest]; the last text of a row is cut off where the row ends.
    """
    device = generator.device
    share = torch.rand(batch, texts_in_row(length, shortest), device=device, generator=generator)
    sizes = (shortest * (longest / shortest) ** share).round().to(torch.int64)
    ends = sizes.cumsum(1)
    place = torch.arange(length, device=device)
    text = (ends[:, None, :] <= place[None, :, None]).sum(2)
    first = torch.cat([torch.zeros_like(ends[:, :1]), ends], dim=1).gather(1, text)
    return Packing(text, place - first)
