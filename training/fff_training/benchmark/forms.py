"""The layer in several forms, each a function of tokens [N, H] alone, with its weights laid out before anything is timed.

Every form computes the same values: the paper's hard walk from the root to a leaf, exact GELU, and the sum of the twelve
visited neurons' output rows (dense layers: of all neurons). What differs is how much a form reads and computes for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, List, Optional

import torch
from torch import Tensor
from torch.nn import functional as F

from ..fff import subtrees
from ..routing import descend, path_mask, plan_tiles, tile_rows

BERT_NEURONS = 3072


@dataclass(frozen=True)
class LayerWeights:
    """One tree of ``depth``, or a dense layer where ``depth`` is -1. I neurons, all tensors of one dtype and device."""

    first: Tensor  # [I, H]
    first_bias: Tensor  # [I]
    second: Tensor  # [I, H]: row i is what neuron i adds, times its activation
    second_bias: Optional[Tensor]  # [H], or none
    depth: int

    def to(self, device: torch.device, dtype: torch.dtype) -> "LayerWeights":
        """A copy elsewhere."""
        bias = None if self.second_bias is None else self.second_bias.to(device, dtype)
        return LayerWeights(
            self.first.to(device, dtype), self.first_bias.to(device, dtype), self.second.to(device, dtype), bias, self.depth
        )  # fmt: skip


def random_tree(width: int, depth: int, seed: int) -> LayerWeights:
    """Uniform in +-1/sqrt(H) as PyTorch initialises it; float32 on the CPU."""
    generator = torch.Generator().manual_seed(seed)
    nodes = 2 ** (depth + 1) - 1
    return LayerWeights(
        uniform(generator, width, nodes, width), uniform(generator, width, nodes), uniform(generator, width, nodes, width),
        None, depth,
    )  # fmt: skip


def random_dense(width: int, neurons: int, seed: int) -> LayerWeights:
    """A layer with both biases, uniform in +-1/sqrt(fan-in); float32 on the CPU."""
    generator = torch.Generator().manual_seed(seed + 1)
    return LayerWeights(
        uniform(generator, width, neurons, width), uniform(generator, width, neurons),
        uniform(generator, neurons, neurons, width), uniform(generator, neurons, width), -1,
    )  # fmt: skip


def uniform(generator: torch.Generator, fan_in: int, *shape: int) -> Tensor:
    """[*shape] uniform in +-1/sqrt(fan_in)."""
    return (torch.rand(*shape, generator=generator) * 2 - 1) * fan_in**-0.5


Forward = Callable[[Tensor], Tensor]


def dense(weights: LayerWeights) -> Forward:
    """Two matrix products. Zero neurons pad the layer to a multiple of 8, which matrix units want; they add nothing."""
    extra = -weights.first.shape[0] % 8
    first = F.pad(weights.first, (0, 0, 0, extra))
    first_bias = F.pad(weights.first_bias, (0, extra))
    second = F.pad(weights.second, (0, 0, 0, extra)).t().contiguous()

    def forward(x: Tensor) -> Tensor:
        return F.linear(F.gelu(F.linear(x, first, first_bias)), second, weights.second_bias)

    return forward


def paper(weights: LayerWeights) -> Forward:
    """The paper's batched PyTorch form: at each level the tokens' rows are gathered and multiplied as a batch."""
    levels = weights.depth + 1
    first, bias, second = weights.first, weights.first_bias, weights.second

    def forward(x: Tensor) -> Tensor:
        node = torch.zeros(x.shape[0], dtype=torch.int64, device=x.device)
        nodes: List[Tensor] = []
        logits: List[Tensor] = []
        for level in range(levels):
            rows = first.index_select(0, node)
            logit = torch.bmm(rows.unsqueeze(1), x.unsqueeze(2)).view(-1) + bias.index_select(0, node)
            nodes.append(node)
            logits.append(logit)
            if level < levels - 1:
                node = 2 * node + 1 + (logit > 0).to(torch.int64)
        rows = second.index_select(0, torch.stack(nodes, 1).flatten()).view(x.shape[0], levels, -1)
        return torch.bmm(F.gelu(torch.stack(logits, 1)).unsqueeze(1), rows).squeeze(1)

    return forward


def masked(weights: LayerWeights) -> Forward:
    """All neurons, and a mask over those that are not on the path: what the official training code does."""
    levels, nodes = weights.depth + 1, weights.first.shape[0]
    first = F.pad(weights.first, (0, 0, 0, 1))
    bias = F.pad(weights.first_bias, (0, 1))
    second = F.pad(weights.second, (0, 0, 0, 1)).t().contiguous()

    def forward(x: Tensor) -> Tensor:
        logits = F.linear(x, first, bias)
        mask = path_mask(descend(logits, levels), nodes + 1)
        return F.linear(torch.where(mask, F.gelu(logits), torch.zeros((), dtype=x.dtype, device=x.device)), second)

    return forward


def grouped(weights: LayerWeights) -> Forward:
    """The training form (fff.py) with weights laid out in advance: upper levels for all, then each sub-tree its tokens."""
    levels = weights.depth + 1
    top, low = levels // 2, levels - levels // 2
    groups, size = 2**top, 2**top - 1
    top_first = F.pad(weights.first[:size], (0, 0, 0, 1))
    top_bias = F.pad(weights.first_bias[:size], (0, 1))
    top_second = F.pad(weights.second[:size], (0, 0, 0, 1)).contiguous()
    low_first = subtrees(weights.first[None], top, low).transpose(1, 2).contiguous()
    low_bias = subtrees(weights.first_bias[None, :, None], top, low).transpose(1, 2).contiguous()
    low_second = subtrees(weights.second[None], top, low)

    def forward(x: Tensor) -> Tensor:
        zero = torch.zeros((), dtype=x.dtype, device=x.device)
        logits = F.linear(x, top_first, top_bias)
        nodes = descend(logits, top + 1)
        value = torch.where(path_mask(nodes[:, :top], size + 1), F.gelu(logits), zero) @ top_second

        rows = tile_rows(x.shape[0], groups)
        plan = plan_tiles(nodes[:, top] - size, groups, rows)
        taken = x.index_select(0, plan.source).view(-1, rows, x.shape[1])
        low_logits = torch.bmm(taken, low_first[plan.tile_group]) + low_bias[plan.tile_group]
        mask = path_mask(descend(low_logits, low), 2**low) & plan.valid.view(-1, rows, 1)
        low_value = torch.bmm(torch.where(mask, F.gelu(low_logits), zero), low_second[plan.tile_group])
        return value + low_value.flatten(0, 1).index_select(0, plan.slot)

    return forward


def nodes_of_leaves(leaves: Tensor, depth: int) -> Tensor:
    """Leaf numbers int64 [n] in [0, 2^depth) -> the nodes of their paths, int64 [n, depth+1]."""
    node = leaves + 2**depth - 1
    nodes = [node]
    for _ in range(depth):
        node = (node - 1) // 2
        nodes.append(node)
    return torch.stack(nodes[::-1], 1)


def neurons_read(form: str, leaves: Tensor, depth: int) -> int:
    """Distinct neurons whose weights a call reads, given the leaves int64 [n] its tokens reach."""
    if form == "masked":
        return 2 ** (depth + 1) - 1
    nodes = nodes_of_leaves(leaves, depth)
    if form == "grouped":
        levels = depth + 1
        top, low = levels // 2, levels - levels // 2
        return 2**top - 1 + int(torch.unique(nodes[:, top]).numel()) * (2**low - 1)
    return int(torch.unique(nodes).numel())
