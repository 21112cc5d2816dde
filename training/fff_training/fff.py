"""The fast feedforward layer: hard path masking as in the paper, in two exact forms.

``masked`` computes every node and masks the unvisited ones (the official training code). ``grouped`` computes the upper
half of the levels for every token, sorts tokens by sub-tree and multiplies each sub-tree's tokens with that sub-tree's
nodes only. Both give the same values and gradients; ``grouped`` needs about 2 * 2^(levels/2) neurons a token instead of
2^levels. Parameters and their layout are those of model-spec section 1 (``linear_in``, ``linear_out``).
"""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Sequence, Tuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .config import ModelConfig
from .dense import FeedforwardOutput
from .routing import (
    ReturnRows,
    TakeRows,
    TilePlan,
    WeightsOfTiles,
    descend,
    path_mask,
    plan_tiles,
    soft_reach,
    sum_by_group,
    tile_rows,
)

FORMS = ("masked", "grouped")


class LowerLevels(NamedTuple):
    """What the lower half of the levels gave, in tiles: ``rows`` [T*M, H], ``logits`` and ``mask`` [T, M, 2^low], and where
    each tree's token lies among the rows (``slot`` [K, N])."""

    rows: Tensor
    logits: Tensor
    mask: Tensor
    slot: Tensor
    plan: TilePlan


class FastFeedforward(nn.Module):
    """K binary trees of neurons; each token visits one root-to-leaf path in each tree and sums the visited neurons.

    Args:
        config: supplies hidden size H, ``trees`` K, ``depth`` and ``master_leaf``.
        form: ``grouped`` or ``masked``.
    """

    noise_scale: Tensor

    def __init__(self, config: ModelConfig, form: str = "grouped") -> None:
        super().__init__()
        if form not in FORMS:
            raise ValueError(f"FFF form is {form!r}; known are {' and '.join(FORMS)}.")
        self.trees, self.depth, self.nodes = config.trees, config.depth, config.nodes_per_tree
        self.form = form
        self.linear_in = nn.Linear(config.hidden_size, self.trees * self.nodes, bias=True)
        self.linear_out = nn.Linear(self.trees * self.nodes, config.hidden_size, bias=False)
        self.master_leaf = config.master_leaf
        if self.master_leaf:
            self.master_in = nn.Linear(config.hidden_size, self.master_leaf, bias=False)
            self.master_out = nn.Linear(self.master_leaf, config.hidden_size, bias=False)
        # Soft-to-hard routing: logistic noise of this scale on decisions only. Annealed to 0 by the trainer.
        self.register_buffer("noise_scale", torch.zeros(()), persistent=False)
        self.noisy = False
        self.want_balance = False
        self.routing_gradient, self.routing_samples = 0.0, 0

    def forward(self, x: Tensor) -> FeedforwardOutput:
        """x [N, H] -> value [N, H] in the dtype of the matrix products, and the balance term."""
        grouped = self.form == "grouped" and self.depth >= 1
        value, balance = self._grouped(x) if grouped else self._masked(x)
        if self.master_leaf:
            value = value + self.master_out(F.gelu(self.master_in(x)))
        return FeedforwardOutput(value, balance)

    def _decisions(self, logits: Tensor) -> Tensor:
        """Logits that choose the path: the node's own, with noise while routing is soft."""
        if not (self.noisy and self.training):
            return logits.detach()
        uniform = torch.rand(logits.shape, dtype=torch.float32, device=logits.device).clamp(1e-6, 1 - 1e-6)
        return logits.detach() + self.noise_scale * (uniform.log() - (-uniform).log1p())

    def _activations(self, logits: Tensor, mask: Tensor, parts: Sequence[Tuple[int, int]]) -> Tensor:
        """GELU of the visited nodes, 0 elsewhere; with a routing gradient, decisions also learn where they should lead.

        The value is the hard path's always. Backward, an activation counts as if scaled by the chance of reaching its
        node (straight-through), so a decision is pulled to the side whose neurons would lower the loss. A descent starts
        afresh in each of ``parts`` (first level, levels): no gradient for the decision between two parts, whose other
        side ``grouped`` does not compute.
        """
        zero = torch.zeros((), dtype=logits.dtype, device=logits.device)
        every = F.gelu(logits)
        active = torch.where(mask, every, zero)
        if not (self.routing_gradient and self.training):
            return active
        reach = torch.cat([soft_reach(logits, mask, first, levels) for first, levels in parts], dim=-1)
        reach = F.pad(reach, (0, logits.shape[-1] - reach.shape[-1]))
        return active + self.routing_gradient * every.detach() * (reach - reach.detach())

    def _masked(self, x: Tensor) -> FeedforwardOutput:
        count, levels = x.shape[0], self.depth + 1
        top = levels // 2
        logits = self.linear_in(x).view(count, self.trees, self.nodes)
        decisions = self._decisions(logits)
        nodes = descend(decisions, levels)
        mask = path_mask(nodes, self.nodes)
        active = self._activations(logits, mask, [(0, top), (top, levels - top)] if top else [(0, levels)])
        value = self.linear_out(active.view(count, -1))
        if top and self._samples():
            weight_out = self.linear_out.weight.t().reshape(self.trees, self.nodes, -1)
            lower = torch.arange(self.nodes, device=x.device) >= 2**top - 1

            def lower_value(path: Tensor) -> Tensor:
                chosen = path_mask(path, self.nodes) & lower
                return torch.einsum("ntm,tmh->tnh", F.gelu(logits) * chosen, weight_out.to(logits.dtype))

            with torch.no_grad():
                flips = [self._flip(logits, top) for _ in range(self._samples())]
                others = [lower_value(descend(decisions, levels, flip)) for flip in flips]
                here = lower_value(nodes)
            value = value + self._steer(logits, nodes, flips, here, others, top)
        balance = x.new_zeros((), dtype=torch.float32)
        if self.want_balance:
            inner = 2**self.depth - 1
            seen = mask[..., :inner].float()
            soft = torch.sigmoid(logits[..., :inner].float()) * seen
            balance = balance_of(soft.sum(0), seen.sum(0), count) / self.trees
        return FeedforwardOutput(value, balance)

    def _samples(self) -> int:
        return self.routing_samples if self.routing_gradient and self.training else 0

    def _flip(self, logits: Tensor, top: int) -> Tensor:
        """For each token and tree a level of the upper half, int64 [N, K, 1]."""
        return torch.randint(top, (*logits.shape[:2], 1), device=logits.device)

    def _steer(
        self, logits: Tensor, nodes: Tensor, flips: List[Tensor], here: Tensor, others: List[Tensor], top: int
    ) -> Tensor:
        """Zeros [N, H] whose gradient tells upper decisions whether another sub-tree would have served the token better.

        Each sample turns one decision of the upper half around; the gradient is that of the value expected if this
        decision were a coin of chance sigmoid(logit), times the number of decisions that the sample stands for.

        Args:
            logits: [N, K, m]; nodes: int64 [N, K, levels], the path.
            flips: the turned levels; here, others: [K, N, H], what the lower half gives on the path and beside it.
        """
        total = torch.zeros_like(here[0])
        for flip, other in zip(flips, others):
            logit = logits.gather(-1, nodes.gather(-1, flip))
            went_right = nodes.gather(-1, flip + 1) % 2 == 0
            stay = torch.sigmoid(torch.where(went_right, logit, -logit)).transpose(0, 1)
            total = total + ((stay - stay.detach()) * (here - other)).sum(0)
        return total * (self.routing_gradient * top / len(flips))

    def _grouped(self, x: Tensor) -> FeedforwardOutput:
        count, levels = x.shape[0], self.depth + 1
        top, low = levels // 2, levels - levels // 2
        groups_per_tree, groups = 2**top, self.trees * 2**top

        # Upper levels: every token, one padding column a tree so that rows stay aligned.
        weight_in = self.linear_in.weight.view(self.trees, self.nodes, -1)
        bias_in = self.linear_in.bias.view(self.trees, self.nodes)
        weight_out = self.linear_out.weight.t().reshape(self.trees, self.nodes, -1)
        size = 2**top - 1
        logits = F.linear(
            x, F.pad(weight_in[:, :size], (0, 0, 0, 1)).flatten(0, 1), F.pad(bias_in[:, :size], (0, 1)).flatten()
        )
        logits = logits.view(count, self.trees, size + 1)
        decisions = self._decisions(logits)
        nodes = descend(decisions, top + 1)
        mask = path_mask(nodes[..., :top], size + 1)
        active = self._activations(logits, mask, [(0, top)])
        value = active.view(count, -1) @ F.pad(weight_out[:, :size], (0, 0, 0, 1)).flatten(0, 1).to(active.dtype)

        blocks = tuple(
            subtrees(part, top, low).to(logits.dtype) for part in (weight_in, bias_in[..., None], weight_out)
        )
        lower = self._lower(x.to(logits.dtype), nodes[..., top] - size, blocks)
        value = value + ReturnRows.apply(lower.rows, lower.slot, lower.plan.source % count)
        if self._samples():
            with torch.no_grad():
                flips = [self._flip(logits, top) for _ in range(self._samples())]
                beside = [descend(decisions, top + 1, flip)[..., top] - size for flip in flips]
                sides = [self._lower(x.to(logits.dtype), subtree, blocks) for subtree in beside]
                here, *others = [side.rows[side.slot] for side in (lower, *sides)]
            value = value + self._steer(logits, nodes, flips, here, others, top)

        balance = x.new_zeros((), dtype=torch.float32)
        if self.want_balance:
            seen = mask[..., :size].float()
            soft = torch.sigmoid(logits[..., :size].float()) * seen
            inner = 2 ** (low - 1) - 1
            low_seen = lower.mask[..., :inner].float()
            low_soft = torch.sigmoid(lower.logits[..., :inner].float()) * low_seen
            balance = balance_of(soft.sum(0), seen.sum(0), count) + balance_of(
                sum_by_group(low_soft.sum(1), lower.plan.tile_group, groups),
                sum_by_group(low_seen.sum(1), lower.plan.tile_group, groups),
                count,
            )
            balance = balance / self.trees
        return FeedforwardOutput(value, balance)

    def _lower(self, x: Tensor, subtree: Tensor, blocks: Tuple[Tensor, ...]) -> LowerLevels:
        """The lower levels of each token's sub-tree: pairs (tree, token) sorted into tiles of one sub-tree each.

        Args:
            x: [N, H]; subtree: int64 [N, K], counted from 0 within the tree.
            blocks: input weights, biases and output weights of ``subtrees``.
        """
        count, per_tree = x.shape[0], blocks[0].shape[0] // self.trees
        size = blocks[0].shape[1]
        tree = torch.arange(self.trees, device=x.device)
        group = (subtree + tree * per_tree).t().reshape(-1)
        rows = tile_rows(group.shape[0], blocks[0].shape[0])
        plan = plan_tiles(group, blocks[0].shape[0], rows)
        slot = plan.slot.view(self.trees, count)
        taken = TakeRows.apply(x, plan.source % count, slot).view(-1, rows, x.shape[1])
        tile_in, tile_bias, tile_out = (WeightsOfTiles.apply(block, plan.tile_group) for block in blocks)
        logits = torch.bmm(taken, tile_in.transpose(1, 2)) + tile_bias.transpose(1, 2)
        levels = size.bit_length() - 1
        mask = path_mask(descend(self._decisions(logits), levels), size) & plan.valid.view(-1, rows, 1)
        active = self._activations(logits, mask, [(0, levels)])
        return LowerLevels(torch.bmm(active, tile_out).flatten(0, 1), logits, mask, slot, plan)

    @torch.no_grad()
    def trace(self, x: Tensor) -> Dict[str, Tensor]:
        """What the layer did with x [N, H]: ``nodes``, ``logits``, ``activations`` [N, K, depth+1] and ``ffn_output``."""
        logits = F.linear(x, self.linear_in.weight, self.linear_in.bias).view(x.shape[0], self.trees, self.nodes)
        nodes = descend(logits, self.depth + 1)
        visited = logits.gather(-1, nodes)
        return {
            "nodes": nodes.to(torch.int32),
            "logits": visited,
            "activations": F.gelu(visited),
            "ffn_output": self._masked(x).value if not self.master_leaf else self.forward(x).value,
        }

    @torch.no_grad()
    def leaves(self, x: Tensor) -> Tensor:
        """Leaf number of each token in each tree, int64 [N, K] in [0, 2^depth)."""
        logits = F.linear(x, self.linear_in.weight, self.linear_in.bias).view(x.shape[0], self.trees, self.nodes)
        return descend(logits, self.depth + 1)[..., -1] - (2**self.depth - 1)


def balance_of(soft_sum: Tensor, visits: Tensor, count: int) -> Tensor:
    """Squared deviation of each node's mean soft decision from one half, weighted by its share of visits.

    A node that sends everything one way costs 1/4 times its share; summed over the nodes of a level the shares add to
    one, so each level costs at most 1/4. Unvisited nodes cost nothing and get no gradient.

    Args:
        soft_sum: sum over visiting tokens of sigmoid(logit), any shape.
        visits: number of visiting tokens, same shape.
        count: tokens in all.
    """
    mean = soft_sum / visits.clamp(min=1)
    return (visits / count * (mean - 0.5) ** 2).sum()


def subtrees(parameters: Tensor, top: int, low: int) -> Tensor:
    """Cuts the lower levels out of heap order, one padded block per sub-tree.

    Sub-tree s hangs under level ``top``; its level l holds nodes 2^(top+l) - 1 + s * 2^l and the 2^l - 1 after it.

    Args:
        parameters: [K, nodes, c].

    Returns:
        [K * 2^top, 2^low, c]; the last row of a block is zero padding.
    """
    trees, _, columns = parameters.shape
    parts: List[Tensor] = []
    for level in range(low):
        first = 2 ** (top + level) - 1
        parts.append(parameters[:, first : first + 2 ** (top + level)].reshape(trees, 2**top, 2**level, columns))
    return F.pad(torch.cat(parts, dim=2), (0, 0, 0, 1)).flatten(0, 1)
