"""What a layer must compute, in float64, and whether an engine's answer is that. Before anything is timed.

Where a logit is closer to zero than rounding can move it, either child is a correct decision; each such admissible path
is accepted and nothing else, and how many tokens took another path than the exact one is counted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import List, Optional

import torch
from torch import Tensor
from torch.nn import functional as F

from .forms import LayerWeights

# Relative rounding of one stored or multiplied value: 8 significant bits in bf16, 11 in TF32, which stores fp32.
ROUNDOFF = {"fp32": 0.0, "tf32": 2.0**-11, "bf16": 2.0**-9}
# Largest relative L2 error of a token's output; the extension's engine allows the same (runner/benchmark/verify.ts).
TOLERANCE = {"fp32": 1e-5, "tf32": 3e-3, "bf16": 2e-2}
# Paths looked at for one token: several undecided logits on one path are rare.
MAX_PATHS = 64


@dataclass(frozen=True)
class Verification:
    """``complaint`` is one sentence, or none when the engine is right."""

    worst_error: float
    flips: Optional[int]
    tokens: int
    complaint: Optional[str]


class Expectation:
    """Admissible outputs of n tokens: candidate outputs float64 [c, H], the token of each, and which are the exact ones."""

    def __init__(self, outputs: Tensor, owner: Tensor, exact: Tensor, tokens: int, has_paths: bool) -> None:
        self.outputs, self.owner, self.exact, self.tokens, self.has_paths = outputs, owner, exact, tokens, has_paths

    def check(self, actual: Tensor, precision: str) -> Verification:
        """actual [n, H], any dtype and device."""
        actual = actual.detach().to("cpu", torch.float64)
        if actual.shape != (self.tokens, self.outputs.shape[1]):
            return Verification(math.nan, None, self.tokens, f"the output's shape is {tuple(actual.shape)}")
        difference = (actual[self.owner] - self.outputs).norm(dim=1) / self.outputs.norm(dim=1).clamp(min=1e-300)
        # NaN is no answer and must not win a comparison.
        difference = torch.where(difference.isnan(), torch.full_like(difference, math.inf), difference)
        best = torch.full((self.tokens,), math.inf, dtype=torch.float64)
        best = best.scatter_reduce(0, self.owner, difference, "amin")
        exact = torch.full((self.tokens,), math.inf, dtype=torch.float64).scatter(
            0, self.owner[self.exact], difference[self.exact]
        )
        worst = float(best.max())
        flips = int((best < exact).sum()) if self.has_paths else None
        tolerance = TOLERANCE[precision]
        complaint = None
        if not worst <= tolerance:
            token = int(best.argmax())
            complaint = (
                f"token {token} of {self.tokens} differs from float64 by {worst:.1e} of its length; {tolerance:.0e} is allowed"
            )  # fmt: skip
        return Verification(worst, flips, self.tokens, complaint)


def expect(weights: LayerWeights, tokens: Tensor, precision: str) -> Expectation:
    """What ``weights`` (float32 on the CPU) may answer for tokens [n, H] in a precision."""
    first, second = weights.first.double(), weights.second.double()
    x = tokens.detach().to("cpu", torch.float64)
    logits = x @ first.t() + weights.first_bias.double()
    count = x.shape[0]
    if weights.depth < 0:
        outputs = F.gelu(logits) @ second + (0 if weights.second_bias is None else weights.second_bias.double())
        each = torch.arange(count)
        return Expectation(outputs, each, each, count, False)
    magnitude = x.abs() @ first.abs().t() + weights.first_bias.double().abs()
    # A sum of H float32 products is off by (H + 1) 2^-24 of their magnitudes; rounding of both factors and of the stored
    # sum comes on top.
    bound = ((first.shape[1] + 1) * 2.0**-24 + 3 * ROUNDOFF[precision]) * magnitude
    owner: List[int] = []
    exact: List[int] = []
    paths: List[List[int]] = []
    undecided = (logits.abs() <= bound).tolist()
    right = (logits > 0).tolist()
    for token in range(count):
        exact.append(len(paths))
        found = admissible(right[token], undecided[token], weights.depth)
        paths.extend(found)
        owner.extend([token] * len(found))
    nodes, owners = torch.tensor(paths), torch.tensor(owner)
    activations = F.gelu(logits[owners].gather(1, nodes))
    outputs = torch.zeros(len(paths), second.shape[1], dtype=torch.float64)
    for level in range(weights.depth + 1):
        outputs += activations[:, level, None] * second[nodes[:, level]]
    return Expectation(outputs, owners, torch.tensor(exact), count, True)


def admissible(right: List[bool], undecided: List[bool], depth: int) -> List[List[int]]:
    """Paths that correct arithmetic may take; the exact one comes first."""
    paths: List[List[int]] = [[0]]
    for _ in range(depth):
        straight, detours = [], []
        for path in paths:
            node = path[-1]
            straight.append(path + [2 * node + (2 if right[node] else 1)])
            if undecided[node]:
                detours.append(path + [2 * node + (1 if right[node] else 2)])
        paths = (straight + detours)[:MAX_PATHS]
    return paths


def leaves_of(weights: LayerWeights, tokens: Tensor) -> Tensor:
    """Leaf numbers int64 [n] of tokens [n, H], walked in float64 on the tokens' device."""
    first = weights.first.to(tokens.device, torch.float64)
    bias = weights.first_bias.to(tokens.device, torch.float64)
    node = torch.zeros(tokens.shape[0], dtype=torch.int64, device=tokens.device)
    for _ in range(weights.depth):
        parts = []
        for rows in range(0, tokens.shape[0], 4096):
            here = node[rows : rows + 4096]
            parts.append((first[here] * tokens[rows : rows + 4096].double()).sum(1) + bias[here])
        node = 2 * node + 1 + (torch.cat(parts) > 0).to(torch.int64)
    return node - (2**weights.depth - 1)
