"""Which leaves a model uses: counts, entropy, and how many were reached, per layer and tree."""

from __future__ import annotations

from typing import Any, Dict, List

import torch
from torch import Tensor

from .model import MaskedLanguageModel, key_bias


def entropy_bits(counts: Tensor) -> float:
    """Shannon entropy of counts [n], in bits.

    >>> entropy_bits(torch.tensor([1.0, 1.0, 1.0, 1.0]))
    2.0
    """
    share = counts[counts > 0].double() / counts.sum()
    return float(-(share * share.log2()).sum())


@torch.no_grad()
def leaf_usage(
    model: MaskedLanguageModel, windows: Tensor, tokens: int = 100_000, rows_at_once: int = 32
) -> List[Dict[str, Any]]:
    """Leaf use over the first ``tokens`` tokens of ``windows`` int64 [N, S], unmasked, in float32.

    Returns:
        For each layer: ``entropy_bits``, ``leaves_reached`` and ``leaves`` (means over trees), and ``tokens``.
    """
    layers = model.feedforwards()
    if not layers:
        return []
    device, config = windows.device, model.config
    counts = [torch.zeros(config.trees, config.leaves_per_tree, device=device) for _ in layers]
    seen = 0
    for start in range(0, len(windows), rows_at_once):
        ids = windows[start : start + rows_at_once]
        x, number = model.encoder.embedding(ids), 0
        for layer in model.encoder.layers:
            x = x + layer.attn(layer.norm1(x), key_bias(None))
            normed = layer.norm2(x).flatten(0, 1)
            leaves = layer.ffn.leaves(normed)
            for tree in range(config.trees):
                counts[number][tree] += torch.bincount(leaves[:, tree], minlength=config.leaves_per_tree)
            x = x + layer.ffn(normed).value.view(x.shape)
            number += 1
        seen += ids.numel()
        if seen >= tokens:
            break
    return [
        {
            "entropy_bits": sum(entropy_bits(tree) for tree in layer) / len(layer),
            "leaves_reached": float((layer > 0).sum(1).float().mean()),
            "leaves": config.leaves_per_tree,
            "tokens": seen,
        }
        for layer in counts
    ]
