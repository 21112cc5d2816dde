"""The ordinary feedforward layer, the control without one, and what every feedforward layer returns."""

from __future__ import annotations

from typing import Dict, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .config import ModelConfig


class FeedforwardOutput(NamedTuple):
    """``value`` [N, H], and ``balance``, a scalar in [0, levels/4] that is 0 when every decision is half and half."""

    value: Tensor
    balance: Tensor


class DenseFeedforward(nn.Module):
    """The ordinary layer: ``dense_out(GELU(dense_in(x)))``, no biases."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.dense_in = nn.Linear(config.hidden_size, config.width, bias=False)
        self.dense_out = nn.Linear(config.width, config.hidden_size, bias=False)

    def forward(self, x: Tensor) -> FeedforwardOutput:
        """x [N, H] -> value [N, H]; the balance term is 0.

        Odd widths are padded with zero neurons, which add nothing: matrix units need rows of a multiple of 8.
        """
        extra = -self.dense_in.out_features % 8
        hidden = F.gelu(F.linear(x, F.pad(self.dense_in.weight, (0, 0, 0, extra))))
        value = F.linear(hidden, F.pad(self.dense_out.weight, (0, extra)))
        return FeedforwardOutput(value, x.new_zeros((), dtype=torch.float32))

    @torch.no_grad()
    def trace(self, x: Tensor) -> Dict[str, Tensor]:
        """``ffn_preact`` and ``ffn_act`` [N, width] and ``ffn_output`` [N, H]."""
        before = self.dense_in(x)
        after = F.gelu(before)
        return {"ffn_preact": before, "ffn_act": after, "ffn_output": self.dense_out(after)}


class NoFeedforward(nn.Module):
    """Adds nothing: the control that shows what attention alone achieves."""

    def forward(self, x: Tensor) -> FeedforwardOutput:
        """x [N, H] -> zeros [N, H]."""
        return FeedforwardOutput(torch.zeros_like(x), x.new_zeros((), dtype=torch.float32))

    @torch.no_grad()
    def trace(self, x: Tensor) -> Dict[str, Tensor]:
        """``ffn_output`` [N, H], zeros."""
        return {"ffn_output": torch.zeros_like(x)}
