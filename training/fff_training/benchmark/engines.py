"""Engines: a form in a precision, called eagerly or replayed from CUDA graphs, on slices of a pool of distinct tokens.

Calls come in units, so that a unit of short calls can be one graph and its launch costs nothing that counts. Units move
on through the pool: no call sees a token again before the whole pool has passed.
"""

from __future__ import annotations

import contextlib
import math
import time
from dataclasses import dataclass
from typing import Iterator, List, Optional

import torch
from torch import Tensor

from . import forms
from .forms import Forward, LayerWeights

DTYPES = {"fp32": torch.float32, "tf32": torch.float32, "bf16": torch.bfloat16}
# A unit holds this many tokens at least, in at most so many calls; a pool this many units at least and at most.
UNIT_TOKENS, UNIT_CALLS = 128, 32
MIN_UNITS, MAX_UNITS, POOL_TOKENS = 2, 16, 16384


@dataclass(frozen=True)
class Spec:
    """``engine`` is the panel's name (``fff``, ``paper-fff-torch``, ``dense-twin``, ``dense-3072``)."""

    engine: str
    form: str
    precision: str
    graph: bool
    compiled: bool = False

    @property
    def implementation(self) -> str:
        """What the panel shows beside the engine's name."""
        how = {"paper": "PyTorch", "dense": "PyTorch", "walk": "Triton walk"}.get(self.form, f"PyTorch {self.form}")
        return how + (", compiled" if self.compiled else "") + (", CUDA graph" if self.graph else "")

    @property
    def name(self) -> str:
        """One line that tells engines apart."""
        return f"{self.engine} {self.precision} ({self.implementation})"

    @property
    def kind(self) -> str:
        """``fff``, ``dense-twin`` or ``dense-3072``."""
        return "fff" if "fff" in self.engine else self.engine


def all_specs(precisions: List[str], cuda: bool, compile_forms: bool) -> List[Spec]:
    """Every engine worth timing on a device: on a GPU each form eagerly and as graphs."""
    specs: List[Spec] = []
    for precision in precisions:
        plain = [
            ("fff", "grouped"), ("fff", "masked"), ("paper-fff-torch", "paper"),
            ("dense-twin", "dense"), ("dense-3072", "dense"),
        ]  # fmt: skip
        specs += [Spec(engine, form, precision, graph) for engine, form in plain for graph in ([False, True] if cuda else [False])]  # fmt: skip
        if cuda:
            specs.append(Spec("fff", "walk", precision, True))
        if compile_forms:
            specs.append(Spec("paper-fff-torch", "paper", precision, cuda, compiled=True))
    return specs


def forward_of(spec: Spec, weights: LayerWeights) -> Forward:
    """``weights`` in the engine's own precision and on its device.

    Raises:
        RuntimeError: the form cannot be built here (no Triton, no compiler).
    """
    if spec.form == "walk":
        try:
            from .walk_kernel import walk
        except ImportError as error:
            raise RuntimeError("Triton is not installed") from error
        return walk(weights)
    forward = {"dense": forms.dense, "paper": forms.paper, "masked": forms.masked, "grouped": forms.grouped}[spec.form](weights)  # fmt: skip
    # Dynamic: one compilation serves every batch but the first, and compilations take most of a minute.
    return torch.compile(forward, dynamic=True) if spec.compiled else forward


@contextlib.contextmanager
def matrix_precision(precision: str) -> Iterator[None]:
    """TF32 only where it is asked for by name; bf16 products keep float32 partial sums."""
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision("highest")


@dataclass(frozen=True)
class Layout:
    """How a pool is cut for a batch: ``units`` of ``calls`` calls of ``batch`` tokens."""

    batch: int
    calls: int
    units: int

    @property
    def tokens(self) -> int:
        """Tokens of the whole pool."""
        return self.batch * self.calls * self.units


def layout_of(batch: int) -> Layout:
    """Many short calls a unit, few long ones; at least two units, so that a call never repeats the one before it."""
    calls = min(UNIT_CALLS, max(1, UNIT_TOKENS // batch))
    units = min(MAX_UNITS, max(MIN_UNITS, math.ceil(POOL_TOKENS / (batch * calls))))
    return Layout(batch, calls, units)


class Engine:
    """One engine on one batch. ``pool`` [units * calls * batch, H] in the engine's dtype, on its device."""

    def __init__(self, spec: Spec, forward: Forward, pool: Tensor, layout: Layout, call_seconds: float) -> None:
        self.spec, self.layout = spec, layout
        self.forward = forward
        self.cuda = pool.device.type == "cuda"
        self.slices = pool.view(layout.units, layout.calls, layout.batch, -1)
        self.next_unit = 0
        self.graphs: List[torch.cuda.CUDAGraph] = []
        self.kept: List[List[Tensor]] = []
        with torch.inference_mode(), matrix_precision(spec.precision):
            seconds = self._first_calls()
            if seconds > call_seconds:
                raise RuntimeError(f"one call takes {seconds:.1f} s, and {call_seconds:.0f} s are the limit")
            if spec.graph:
                self._capture()

    def _first_calls(self) -> float:
        """Lets libraries choose and compilers compile; seconds of the last call."""
        seconds = 0.0
        for call in range(3):
            start = time.perf_counter()
            self.forward(self.slices[0, call % self.layout.calls])
            self.synchronize()
            seconds = time.perf_counter() - start
            if seconds > 1 and call > 0:
                break
        return seconds

    def _capture(self) -> None:
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            self.forward(self.slices[0, 0])
        torch.cuda.current_stream().wait_stream(stream)
        pool: Optional[object] = None
        for unit in range(self.layout.units):
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, pool=pool):
                # Outputs are kept: graphs share their memory otherwise, and these are read when verifying.
                self.kept.append([self.forward(self.slices[unit, call]) for call in range(self.layout.calls)])
            pool = graph.pool()
            self.graphs.append(graph)

    def run(self, units: int) -> None:
        """So many units, without waiting for the device."""
        with torch.inference_mode(), matrix_precision(self.spec.precision):
            for _ in range(units):
                unit = self.next_unit
                self.next_unit = (unit + 1) % self.layout.units
                if self.graphs:
                    self.graphs[unit].replay()
                else:
                    for call in range(self.layout.calls):
                        self.forward(self.slices[unit, call])

    def burst(self, units: int) -> float:
        """Microseconds that so many units take, by the device's own clock where it has one."""
        if not self.cuda:
            start = time.perf_counter()
            self.run(units)
            return (time.perf_counter() - start) * 1e6
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        torch.cuda.synchronize()
        begin.record()
        self.run(units)
        end.record()
        end.synchronize()
        return begin.elapsed_time(end) * 1e3

    def outputs(self, units: int) -> Tensor:
        """[units * calls * batch, H]: what the pool's first units give, as they are timed."""
        with torch.inference_mode(), matrix_precision(self.spec.precision):
            if not self.graphs:
                parts = [self.forward(self.slices[unit, call]) for unit in range(units) for call in range(self.layout.calls)]  # fmt: skip
                return torch.cat(parts)
            for unit in range(units):
                for kept in self.kept[unit]:
                    kept.fill_(math.nan)
                self.graphs[unit].replay()
            self.synchronize()
            return torch.cat([kept for unit in range(units) for kept in self.kept[unit]])

    def synchronize(self) -> None:
        """Waits for the device."""
        if self.cuda:
            torch.cuda.synchronize()
