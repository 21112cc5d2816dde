"""Percentiles, and how sure a ratio of two medians is. The same definitions as the extension's engine uses."""

from __future__ import annotations

import math
from typing import Dict, Optional, Sequence, Tuple

import numpy as np

RESAMPLES = 1000

Samples = Sequence[Tuple[int, float]]  # (round, microseconds a call)


def spread(values: Sequence[float]) -> Dict[str, float]:
    """Median, 5th and 95th percentile, in the unit of the values."""
    p5, median, p95 = np.percentile(np.asarray(values), [5, 50, 95])
    return {"median": float(median), "p5": float(p5), "p95": float(p95)}


def paired_ratio(above: Samples, below: Samples, seed: int) -> Optional[Dict[str, float]]:
    """Ratio of medians over the rounds both were measured in, with a 95 % percentile bootstrap of runs of whole pairs.

    What slowed both at a moment stays in both, and a disturbance may outlast a round: blocks of the cube root of the
    number of pairs are drawn, around the end (runner/benchmark/statistics.ts). None where there is no common round.
    """
    by_round = dict(below)
    pairs = np.array([(value, by_round[number]) for number, value in above if number in by_round])
    if len(pairs) == 0:
        return None
    count, block = len(pairs), math.ceil(round(len(pairs) ** (1 / 3), 9))
    starts = np.random.default_rng(seed).integers(count, size=(RESAMPLES, -(-count // block), 1))
    drawn = ((starts + np.arange(block)) % count).reshape(RESAMPLES, -1)[:, :count]
    medians = np.median(pairs[drawn], axis=1)
    low, high = np.percentile(medians[:, 0] / medians[:, 1], [2.5, 97.5])
    median = np.median(pairs[:, 0]) / np.median(pairs[:, 1])
    return {"median": float(median), "low": float(low), "high": float(high)}
