"""The walk as one GPU kernel in Triton: a program carries one token from the root to its leaf and adds up the output.

A token reads two rows a level and nothing else; nothing is written but the output. No sorting and no tiles: tokens that
share nodes meet in the GPU's L2 cache. Sums are float32 whatever the weights' precision. Imported only where Triton is.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from .forms import Forward, LayerWeights


@triton.jit
def walk_kernel(tokens, first, bias, second, output, width: tl.constexpr, levels: tl.constexpr, block: tl.constexpr):
    token = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, block)
    inside = column < width
    x = tl.load(tokens + token * width + column, mask=inside, other=0.0).to(tl.float32)
    total = tl.zeros([block], dtype=tl.float32)
    node = token * 0
    for _level in range(levels):
        row = node * width + column
        weight = tl.load(first + row, mask=inside, other=0.0).to(tl.float32)
        # The output row is asked for before the logit is known, so that both arrive together.
        added = tl.load(second + row, mask=inside, other=0.0).to(tl.float32)
        logit = tl.sum(x * weight, axis=0) + tl.load(bias + node).to(tl.float32)
        total += 0.5 * logit * (1.0 + tl.erf(logit * 0.7071067811865476)) * added
        node = 2 * node + 1 + (logit > 0).to(tl.int64)
    tl.store(output + token * width + column, total.to(output.dtype.element_ty), mask=inside)


def walk(weights: LayerWeights, warps: int = 4) -> Forward:
    """The form. ``warps`` of 32 threads share a token's row."""
    width, levels = weights.first.shape[1], weights.depth + 1
    block = triton.next_power_of_2(width)

    def forward(x: Tensor) -> Tensor:
        output = torch.empty_like(x)
        walk_kernel[(x.shape[0],)](
            x, weights.first, weights.first_bias, weights.second, output, width, levels, block, num_warps=warps
        )
        return output

    return forward
