"""Tree arithmetic and the tile plan of the grouped FFF product. No parameters here.

Nodes are numbered in heap order: the root is 0, the children of j are 2j+1 (logit <= 0) and 2j+2 (logit > 0). Every
number is a node index within its own tree (or sub-tree).
"""

from __future__ import annotations

from typing import Any, NamedTuple, Optional, Tuple

import torch
from torch import Tensor


def descend(logits: Tensor, levels: int, flip: Optional[Tensor] = None) -> Tensor:
    """Follows the decisions from the root.

    Args:
        logits: [..., m] decision logits of a complete tree in heap order, m >= 2^(levels-1) - 1.
        levels: number of levels to visit, the root's included (the last one decides nothing).
        flip: int64 [..., 1], a level whose decision is turned around; None: none.

    Returns:
        int64 [..., levels], the visited node of each level; exactly 0 goes left (model-spec section 2, step 4).
    """
    node = torch.zeros(logits.shape[:-1] + (1,), dtype=torch.int64, device=logits.device)
    visited = [node]
    for level in range(levels - 1):
        right = logits.gather(-1, node) > 0
        if flip is not None:
            right = right ^ (flip == level)
        node = 2 * node + 1 + right.to(torch.int64)
        visited.append(node)
    return torch.cat(visited, dim=-1)


def path_mask(nodes: Tensor, size: int) -> Tensor:
    """Marks visited nodes.

    Args:
        nodes: int64 [..., levels] from ``descend``.
        size: number of columns, at least 2^levels - 1; columns past the tree stay False.

    Returns:
        bool [..., size].
    """
    levels = nodes.shape[-1]
    column = torch.arange(size, device=nodes.device)
    parts = [nodes[..., level : level + 1] == column[2**level - 1 : 2 ** (level + 1) - 1] for level in range(levels)]
    tail = size - (2**levels - 1)
    if tail:
        parts.append(torch.zeros(nodes.shape[:-1] + (tail,), dtype=torch.bool, device=nodes.device))
    return torch.cat(parts, dim=-1)


def soft_reach(logits: Tensor, mask: Tensor, first: int, levels: int) -> Tensor:
    """How likely each node of some levels is reached if every decision there were a coin of chance sigmoid(logit).

    Args:
        logits: [..., m] of a complete tree in heap order.
        mask: bool [..., m], the visited nodes; those of level ``first`` are where the descent starts.
        first: the first level; levels: number of levels.

    Returns:
        [..., 2^(first+levels) - 2^first], the levels one after the other, in the dtype of ``logits``.
    """
    reach = [mask[..., 2**first - 1 : 2 ** (first + 1) - 1].to(logits.dtype)]
    for level in range(first, first + levels - 1):
        right = torch.sigmoid(logits[..., 2**level - 1 : 2 ** (level + 1) - 1])
        reach.append(torch.stack((reach[-1] * (1 - right), reach[-1] * right), dim=-1).flatten(-2))
    return torch.cat(reach, dim=-1)


class TilePlan(NamedTuple):
    """How pairs (token, tree) are laid out in tiles that each belong to one sub-tree.

    P pairs, T tiles of M rows. ``source`` [T*M] is the pair in each row (0 where the row is padding), ``valid`` [T*M]
    tells real rows, ``slot`` [P] is the row of each pair, ``tile_group`` [T] the sub-tree of each tile.
    """

    source: Tensor
    valid: Tensor
    slot: Tensor
    tile_group: Tensor


def tile_rows(pairs: int, groups: int) -> int:
    """Rows per tile: small enough that padding (under one tile per group) stays a small share of the work."""
    rows = 16
    while rows < 128 and rows * 16 * groups <= pairs:
        rows *= 2
    return rows


@torch.no_grad()
def plan_tiles(group: Tensor, groups: int, rows: int) -> TilePlan:
    """Sorts pairs by sub-tree and pads each sub-tree's pairs to whole tiles. Shapes depend on sizes only, not on data.

    Args:
        group: int64 [P] sub-tree of each pair, in [0, groups).
        groups: number of sub-trees.
        rows: rows per tile (M).
    """
    pairs, device = group.shape[0], group.device
    tiles = (pairs + groups * (rows - 1)) // rows
    ordered, order = torch.sort(group, stable=True)
    starts = torch.searchsorted(ordered, torch.arange(groups + 1, device=device))
    tiles_of = (starts[1:] - starts[:-1] + rows - 1) // rows
    tile_end = torch.cumsum(tiles_of, 0)
    first_row = (tile_end - tiles_of) * rows
    row = first_row[ordered] + torch.arange(pairs, device=device) - starts[ordered]
    slot = torch.empty_like(row).scatter_(0, order, row)
    source = torch.zeros(tiles * rows, dtype=torch.int64, device=device).scatter_(0, row, order)
    valid = torch.zeros(tiles * rows, dtype=torch.bool, device=device).scatter_(0, row, True)
    tile_group = torch.searchsorted(tile_end, torch.arange(tiles, device=device), right=True).clamp_(max=groups - 1)
    return TilePlan(source, valid, slot, tile_group)


class TakeRows(torch.autograd.Function):
    """Copies tokens into tile rows. Its gradient is a gather through ``slot``: no atomic additions, deterministic."""

    @staticmethod
    def forward(ctx: Any, tokens: Tensor, token_of_row: Tensor, slot: Tensor) -> Tensor:
        """tokens [N, H], token_of_row [T*M], slot [K, N] -> [T*M, H]."""
        ctx.save_for_backward(slot)
        return tokens[token_of_row]

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tuple[Optional[Tensor], None, None]:
        (slot,) = ctx.saved_tensors
        trees, count = slot.shape
        taken = grads[0][slot.reshape(-1)].view(trees, count, -1)
        return (taken.sum(0) if trees > 1 else taken[0]), None, None


class ReturnRows(torch.autograd.Function):
    """Adds up each token's rows, one per tree; the inverse of ``TakeRows``."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, slot: Tensor, token_of_row: Tensor) -> Tensor:
        """rows [T*M, H], slot [K, N], token_of_row [T*M] -> [N, H]."""
        ctx.save_for_backward(token_of_row)
        trees, count = slot.shape
        taken = rows[slot.reshape(-1)].view(trees, count, -1)
        return taken.sum(0) if trees > 1 else taken[0]

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tuple[Optional[Tensor], None, None]:
        (token_of_row,) = ctx.saved_tensors
        return grads[0][token_of_row], None, None


class WeightsOfTiles(torch.autograd.Function):
    """Hands each tile its sub-tree's weights; the gradient is summed per sub-tree by one matrix product."""

    @staticmethod
    def forward(ctx: Any, weights: Tensor, tile_group: Tensor) -> Tensor:
        """weights [G, a, b], tile_group [T] -> [T, a, b]."""
        ctx.save_for_backward(tile_group)
        ctx.groups = weights.shape[0]
        return weights[tile_group]

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tuple[Optional[Tensor], None]:
        (tile_group,) = ctx.saved_tensors
        return sum_by_group(grads[0].flatten(1), tile_group, ctx.groups).view(ctx.groups, *grads[0].shape[1:]), None


def sum_by_group(values: Tensor, tile_group: Tensor, groups: int) -> Tensor:
    """values [T, c] summed over the tiles of each group -> [groups, c]."""
    one_hot = (torch.arange(groups, device=values.device)[:, None] == tile_group[None, :]).to(values.dtype)
    return one_hot @ values
