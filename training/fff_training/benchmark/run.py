"""A run: for each batch the engines are verified, timed against each other and written down as rows of a result."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Optional, Tuple

import torch
from torch import Tensor

from .engines import DTYPES, Engine, Layout, Spec, all_specs, forward_of, layout_of
from .forms import BERT_NEURONS, LayerWeights, neurons_read, random_dense, random_tree
from .intervals import Samples, paired_ratio, spread
from .machine import environment
from .reference import Expectation, Verification, expect, leaves_of
from .schedule import Limits, Measured, measure

# Tokens compared with float64, and calls at most that are looked at for it.
VERIFIED_TOKENS = 512


@dataclass(frozen=True)
class Request:
    """What to measure. ``distribution``: ``spread`` (distinct tokens) or ``repeated`` (one token, labelled so)."""

    batches: List[int] = field(default_factory=lambda: [1, 16, 128, 1024, 16384])
    precisions: List[str] = field(default_factory=lambda: ["fp32", "bf16"])
    width: int = 768
    depth: int = 11
    device: torch.device = torch.device("cpu")
    distribution: str = "spread"
    compile_forms: bool = False
    threads: int = 1
    seed: int = 1
    limits: Limits = Limits()


Say = Callable[[str], None]


def run(request: Request, say: Say) -> Dict[str, Any]:
    """The whole result, as a `.fffbench` file holds it."""
    deadline = time.monotonic() + request.limits.total_seconds
    specs = all_specs(request.precisions, request.device.type == "cuda", request.compile_forms)
    result: Dict[str, Any] = {
        "format": "fffbench", "version": 1, "plan": plan_of(request, specs),
        "environment": environment(request.device, request.threads),
        "rows": [], "samples": [], "selfTests": [], "excluded": [], "missing": [], "ladder": [], "unfinished": [],
    }  # fmt: skip
    result["environment"]["remarks"].append(
        "Each precision is compared with dense layers of its own precision; bf16 layers hold weights, tokens and "
        "activations in bf16 and add up in float32."
    )
    weights = {
        "fff": random_tree(request.width, request.depth, request.seed),
        "dense-3072": random_dense(request.width, BERT_NEURONS, request.seed),
    }
    for number, batch in enumerate(request.batches):
        share = max(0.0, deadline - time.monotonic()) / (len(request.batches) - number)
        _Cell(request, batch, weights, result, say).measure(specs, time.monotonic() + share)
        if request.device.type == "cuda":
            torch.cuda.empty_cache()
    return result


@dataclass
class _Ready:
    """A verified engine."""

    engine: Engine
    verification: Verification


class _Cell:
    def __init__(self, request: Request, batch: int, weights: Dict[str, LayerWeights], result: Dict[str, Any], say: Say) -> None:  # fmt: skip
        self.request, self.batch, self.result = request, batch, result
        self.weights = {**weights, "dense-twin": weights["fff"]}
        self.layout = layout_of(batch)
        self.say: Say = lambda what: say(f"batch {batch}: {what}")
        self.cell = {
            "width": request.width, "depth": request.depth, "batch": batch, "threads": request.threads,
            "distribution": request.distribution, "weights": "warm", "layer": None,
        }  # fmt: skip
        self.tokens = tokens_of(request, self.layout)
        self.units = max(1, min(self.layout.units, VERIFIED_TOKENS // (batch * self.layout.calls)))
        compared = min(self.units * self.layout.calls * batch, VERIFIED_TOKENS)
        last = self.units * self.layout.calls * batch - 1
        # Both ends, where tails go wrong, and evenly between.
        self.sample = torch.linspace(0, last, compared, dtype=torch.float64).round().to(torch.int64)
        self.expected: Dict[Tuple[str, str], Expectation] = {}

    def measure(self, specs: List[Spec], deadline: float) -> None:
        """Adds this cell's part to the result."""
        ready: List[_Ready] = []
        for spec in specs:
            self.say("verifying")
            try:
                ready.append(self._ready(spec))
            except (RuntimeError, ImportError) as error:  # out of memory among them
                self._exclude(spec.name, str(error).splitlines()[0])
        if not ready:
            self.result["unfinished"].append({"cell": self.cell, "reason": "no engine passed verification"})
            return
        measured = [Measured(one.engine.spec.name, one.engine) for one in ready]
        # One that Python's own pace does not disturb: a graph, where there are graphs.
        twice = next((place for place, one in enumerate(ready) if one.engine.spec.kind == "fff" and one.engine.spec.graph == one.engine.cuda), 0)  # fmt: skip
        measured.append(Measured(measured[twice].name + " (again)", ready[twice].engine))
        limits = self.request.limits
        outcome = measure(measured, limits, self.request.seed, deadline, self.say)
        for one in measured:
            if one.failure:
                self._exclude(one.name, one.failure)
        if outcome.ended == "budget":
            reason = f"the time was up after {outcome.rounds} of {limits.minimum_pairs} rounds"
            self.result["unfinished"].append({"cell": self.cell, "reason": reason})
        self._self_test(measured[twice], measured[-1])
        self._rows(ready, measured[:-1])

    def _ready(self, spec: Spec) -> _Ready:
        weights = self.weights[spec.kind]
        device, dtype = self.request.device, DTYPES[spec.precision]
        forward = forward_of(spec, weights.to(device, dtype))
        engine = Engine(spec, forward, self.tokens.to(dtype), self.layout, self.request.limits.call_seconds)
        verification = self._expectation(spec).check(engine.outputs(self.units)[self.sample.to(device)], spec.precision)
        if verification.complaint is not None:
            raise RuntimeError(f"its output is wrong and it was not timed: {verification.complaint}")
        return _Ready(engine, verification)

    def _expectation(self, spec: Spec) -> Expectation:
        """What a kind of layer must compute on the sampled tokens; worked out once a precision."""
        key = (spec.kind, spec.precision if spec.kind == "fff" else "")
        if key not in self.expected:
            weights = self.weights[spec.kind]
            if spec.kind == "dense-twin":
                weights = LayerWeights(weights.first, weights.first_bias, weights.second, None, -1)
            self.expected[key] = expect(weights, self.tokens[self.sample.to(self.tokens.device)], spec.precision)
        return self.expected[key]

    def _exclude(self, engine: str, reason: str) -> None:
        self.say(f"{engine} is left out: {reason}")
        self.result["excluded"].append({"engine": engine, "cell": self.cell, "reason": reason.rstrip(".")})

    def _self_test(self, first: Measured, second: Measured) -> None:
        ratio = paired_ratio(first.samples, second.samples, self.request.seed)
        if ratio is not None:
            passed = ratio["low"] <= 1 <= ratio["high"]
            self.result["selfTests"].append({"cell": self.cell, "engine": first.name, "ratio": ratio, "passed": passed})

    def _rows(self, ready: List[_Ready], measured: List[Measured]) -> None:
        calls_in_all = self.layout.calls * self.layout.units
        leaves = leaves_of(self.weights["fff"], self.tokens).cpu().view(calls_in_all, self.batch)
        looked_at = leaves[: min(calls_in_all, 64)]
        distinct = sum(int(torch.unique(call).numel()) for call in looked_at) / len(looked_at)
        for one, times in zip(ready, measured):
            if not times.samples:
                continue
            spec = one.engine.spec
            tokens = self.layout.calls * self.batch
            microseconds = [value / tokens for _, value in times.samples]
            self.result["samples"].append({
                "row": len(self.result["rows"]), "callsPerSample": times.units * self.layout.calls,
                "rounds": [number for number, _ in times.samples], "microsecondsPerToken": microseconds,
            })  # fmt: skip
            verification = one.verification
            self.result["rows"].append({
                "engine": spec.engine, "precision": spec.precision, "implementation": spec.implementation,
                "batch": self.batch, "width": self.request.width, "nodes": 2 ** (self.request.depth + 1) - 1,
                "levels": self.request.depth + 1, "microsecondsPerToken": spread(microseconds),
                "ratioToBestDense": self._ratio("dense-twin", spec, times.samples, ready, measured),
                "ratioToBest3072": self._ratio("dense-3072", spec, times.samples, ready, measured),
                "distinctLeaves": round(distinct), "bytesTouched": self._bytes(spec, looked_at), "verified": True,
                "threads": self.request.threads, "cellThreads": self.request.threads,
                "distribution": self.request.distribution, "weights": "warm", "layer": None,
                "distinctLeavesInAll": int(torch.unique(leaves).numel()),
                "pathFlips": None if verification.flips is None else {"flips": verification.flips, "tokens": verification.tokens},
                "worstError": verification.worst_error, "pairs": len(microseconds), "settled": times.settled,
            })  # fmt: skip

    def _ratio(
        self, kind: str, spec: Spec, samples: Samples, ready: List[_Ready], measured: List[Measured]
    ) -> Optional[Dict[str, float]]:
        """To the fastest dense layer of a kind in the same precision."""
        dense = [
            times for one, times in zip(ready, measured)
            if one.engine.spec.engine == kind and one.engine.spec.precision == spec.precision and times.samples
        ]  # fmt: skip
        if not dense:
            return None
        best = min(dense, key=lambda times: spread([value for _, value in times.samples])["median"])
        return paired_ratio(best.samples, samples, self.request.seed)

    def _bytes(self, spec: Spec, calls: Tensor) -> int:
        """Distinct weight bytes of a call: both rows and the bias of every neuron read."""
        each = torch.finfo(DTYPES[spec.precision]).bits // 8
        if spec.kind != "fff":
            neurons = BERT_NEURONS if spec.kind == "dense-3072" else 2 ** (self.request.depth + 1) - 1
            extra = self.request.width if spec.kind == "dense-3072" else 0
            return each * (neurons * (2 * self.request.width + 1) + extra)
        neurons = sum(neurons_read(spec.form, call, self.request.depth) for call in calls) / len(calls)
        return round(each * neurons * (2 * self.request.width + 1))


def tokens_of(request: Request, layout: Layout) -> Tensor:
    """[tokens, H] float32 on the device, each with mean 0 and variance 1 as a layer norm leaves them."""
    generator = torch.Generator().manual_seed(request.seed + 2)
    count = 1 if request.distribution == "repeated" else layout.tokens
    drawn = torch.randn(count, request.width, generator=generator)
    normed = torch.nn.functional.layer_norm(drawn, (request.width,))
    return normed.expand(layout.tokens, request.width).contiguous().to(request.device)


def plan_of(request: Request, specs: List[Spec]) -> Dict[str, Any]:
    """The plan's part of a result; its engines are named as the rows name them."""
    limits = request.limits
    where = "GPU" if request.device.type == "cuda" else "processor"
    return {
        "version": 1, "name": f"PyTorch on a {where}", "engines": [spec.name for spec in specs],
        "widths": [request.width], "depths": [request.depth], "batches": request.batches, "threads": [request.threads],
        "distributions": [request.distribution], "weights": ["warm"], "coldLayers": 6,
        "ladder": {"tokens": [], "layers": 1, "heads": max(1, request.width // 64)}, "seed": request.seed,
        "limits": {
            "minimumPairs": limits.minimum_pairs, "minimumSeconds": limits.minimum_seconds,
            "slowPairSeconds": limits.slow_pair_seconds, "slowPairs": limits.slow_pairs,
            "driftTolerance": limits.drift_tolerance, "warmupSeconds": limits.warmup_seconds,
            "burstMs": limits.burst_ms, "leadMs": limits.lead_ms, "callSeconds": limits.call_seconds,
            "totalSeconds": limits.total_seconds,
        },
    }  # fmt: skip
