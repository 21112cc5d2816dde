"""The PyTorch benchmark at toy size: forms agree, wrong ones are not timed, figures add up, the file is whole."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import numpy as np
import pytest
import torch

from fff_training.benchmark import engines, forms, reference, run
from fff_training.benchmark.__main__ import main, paper_lines, parse, report
from fff_training.benchmark.engines import Engine, Spec, layout_of
from fff_training.benchmark.intervals import paired_ratio, spread
from fff_training.benchmark.run import Request, tokens_of
from fff_training.benchmark.schedule import Limits, Measured, measure
from fff_training.config import ModelConfig
from fff_training.fff import FastFeedforward

TOY = Request(
    [1, 5], ["fp32", "bf16"], width=24, depth=4,
    limits=Limits(minimum_pairs=4, minimum_seconds=0, warmup_seconds=0.01, burst_ms=0.5, lead_ms=0, total_seconds=60),
)  # fmt: skip


def toy_tokens(count: int, width: int = 24) -> torch.Tensor:
    return torch.nn.functional.layer_norm(torch.randn(count, width, generator=torch.Generator().manual_seed(5)), (width,))


@pytest.mark.parametrize("depth", [1, 4, 5])
@pytest.mark.parametrize("form", ["paper", "masked", "grouped"])
def test_every_form_computes_what_the_trained_layer_computes(form: str, depth: int) -> None:
    weights = forms.random_tree(24, depth, seed=3)
    layer = FastFeedforward(ModelConfig(hidden_size=24, heads=2, depth=depth), form="masked").eval()
    with torch.no_grad():
        layer.linear_in.weight.copy_(weights.first)
        layer.linear_in.bias.copy_(weights.first_bias)
        layer.linear_out.weight.copy_(weights.second.t())
    tokens = toy_tokens(70)
    forward = engines.forward_of(Spec("fff", form, "fp32", False), weights)
    with torch.no_grad():
        torch.testing.assert_close(forward(tokens), layer(tokens).value, rtol=1e-5, atol=1e-6)
        leaves = layer.leaves(tokens)[:, 0]
    assert torch.equal(reference.leaves_of(weights, tokens), leaves)
    assert reference.expect(weights, tokens, "fp32").check(forward(tokens), "fp32").complaint is None


def test_the_triton_walk_agrees_with_float64_in_triton_s_interpreter() -> None:
    pytest.importorskip("triton")
    program = """
import torch
from fff_training.benchmark import forms, reference
from fff_training.benchmark.walk_kernel import walk
weights, tokens = forms.random_tree(24, 4, 3), torch.randn(9, 24, generator=torch.Generator().manual_seed(1))
for precision, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
    low = weights.to(torch.device("cpu"), dtype)
    print(reference.expect(weights, tokens, precision).check(walk(low)(tokens.to(dtype)), precision).complaint)
"""
    training = str(Path(__file__).resolve().parents[1])
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=240, cwd=training,
        env={"PATH": "/usr/bin:/bin", "TRITON_INTERPRET": "1", "PYTHONPATH": training, "HOME": "/tmp"},
    )  # fmt: skip
    assert done.stdout.split() == ["None", "None"], done.stderr[-2000:]


def test_a_wrong_output_is_named_and_a_wrong_path_is_not_excused() -> None:
    weights, tokens = forms.random_tree(24, 4, seed=3), toy_tokens(40)
    right = forms.paper(weights)(tokens)
    expected = reference.expect(weights, tokens, "fp32")
    assert expected.check(right, "fp32").flips == 0
    wrong = right.clone()
    wrong[17] *= 1.001
    assert "token 17 of 40 differs from float64 by 1.0e-03" in str(expected.check(wrong, "fp32").complaint)
    wrong[17] = math.nan
    assert expected.check(wrong, "fp32").complaint is not None
    assert "shape" in str(expected.check(right[1:], "fp32").complaint)
    # Everybody turned left: values of a path, but of the wrong one.
    left = forms.LayerWeights(weights.first, weights.first_bias - 100, weights.second, None, 4)
    assert expected.check(forms.paper(left)(tokens), "fp32").complaint is not None


def test_a_logit_that_rounding_decides_may_go_either_way_and_is_counted() -> None:
    weights, tokens = forms.random_tree(24, 3, seed=3), toy_tokens(6)
    weights.first_bias[0] -= float(tokens[2].double() @ weights.first[0].double() + weights.first_bias[0].double())
    expected = reference.expect(weights, tokens, "fp32")
    flips = []
    for nudge in (3e-6, -3e-6):
        bias = weights.first_bias.clone()
        bias[0] += nudge
        output = forms.paper(forms.LayerWeights(weights.first, bias, weights.second, None, 3))(tokens)
        verification = expected.check(output, "fp32")
        assert verification.complaint is None
        flips.append(verification.flips)
    assert sorted(flips) == [0, 1]
    assert reference.admissible([True, False, True], [False, False, False], 1) == [[0, 2]]
    assert reference.admissible([True, False, True], [True, False, False], 1) == [[0, 2], [0, 1]]


def test_neurons_that_a_call_reads() -> None:
    assert forms.nodes_of_leaves(torch.tensor([0, 5]), 3).tolist() == [[0, 1, 3, 7], [0, 2, 5, 12]]
    leaves = torch.tensor([0, 0, 5])
    assert forms.neurons_read("paper", leaves, 3) == 7
    assert forms.neurons_read("masked", leaves, 3) == 15
    # Two levels for all (3 nodes), then two of four sub-trees of 3 nodes.
    assert forms.neurons_read("grouped", leaves, 3) == 3 + 2 * 3


@pytest.mark.parametrize("batch", [1, 3, 128, 16384])
def test_no_call_sees_a_token_again_before_the_pool_has_passed(batch: int) -> None:
    layout = layout_of(batch)
    assert layout.units >= 2 and layout.tokens == batch * layout.calls * layout.units
    seen: List[int] = []
    pool = torch.arange(layout.tokens, dtype=torch.float32)[:, None]

    def forward(x: torch.Tensor) -> torch.Tensor:
        seen.extend(x[:, 0].long().tolist())
        return x

    engine = Engine(Spec("fff", "paper", "fp32", False), forward, pool, layout, 5)
    seen.clear()
    engine.run(layout.units)
    assert sorted(seen) == list(range(layout.tokens))
    assert engine.outputs(1).shape == (batch * layout.calls, 1)


def test_tokens_are_normed_and_repeated_ones_are_one() -> None:
    spread_out = tokens_of(TOY, layout_of(5))
    assert torch.unique(spread_out, dim=0).shape[0] == layout_of(5).tokens
    assert float(spread_out.mean(1).abs().max()) < 1e-6 and float((spread_out.var(1, correction=0) - 1).abs().max()) < 1e-3
    assert torch.unique(tokens_of(Request(width=24, distribution="repeated"), layout_of(5)), dim=0).shape[0] == 1


def test_percentiles_and_a_ratio_of_pairs() -> None:
    assert spread([1.0, 2.0, 3.0, 4.0, 5.0]) == pytest.approx({"median": 3.0, "p5": 1.2, "p95": 4.8})
    noise = np.random.default_rng(0).normal(1, 0.05, 40)
    # What disturbs both sides of a pair cancels: ten times as slow in a disturbed round, on either side.
    above = [(number, 20 * value * (10 if number % 4 == 0 else 1)) for number, value in enumerate(noise)]
    below = [(number, 4 * value * (10 if number % 4 == 0 else 1)) for number, value in enumerate(noise)]
    ratio = paired_ratio(above, below[5:] + [(99, 1.0)], seed=1)
    assert ratio == pytest.approx({"median": 5.0, "low": 5.0, "high": 5.0})
    assert paired_ratio(above, [(99, 1.0)], seed=1) is None


class Fake:
    """Takes a known time without taking it."""

    def __init__(self, microseconds: float, fails_after: int = 10**9) -> None:
        self.microseconds, self.left = microseconds, fails_after
        self.log: List[int] = []

    def burst(self, units: int) -> float:
        self.left -= 1
        if self.left < 0:
            raise RuntimeError("it broke.\nTraceback")
        self.log.append(units)
        return self.microseconds * units


def test_rounds_give_every_engine_a_sample_and_a_broken_one_is_left_out() -> None:
    limits = Limits(minimum_pairs=6, minimum_seconds=0, burst_ms=1, lead_ms=0)
    good, bad = Measured("good", Fake(10.0)), Measured("bad", Fake(20.0, fails_after=9))
    outcome = measure([good, bad], limits, 1, math.inf, lambda what: None)
    assert outcome.ended == "complete" and outcome.rounds == 6
    assert [number for number, _ in good.samples] == list(range(6))
    assert all(value == pytest.approx(10.0) for _, value in good.samples)
    assert good.units == 100 and good.settled and not good.failure
    assert bad.failure == "it broke." and len(bad.samples) < 6
    hurried = measure([Measured("slow", Fake(10.0))], Limits(minimum_pairs=500, minimum_seconds=0, burst_ms=1, slow_pairs=3), 1, 0.0, lambda what: None)  # fmt: skip
    assert (hurried.ended, hurried.rounds) == ("budget", 3)


def toy_result(monkeypatch: pytest.MonkeyPatch) -> Dict[str, Any]:
    def broken(weights: forms.LayerWeights) -> forms.Forward:
        masked = broken.right(weights)  # type: ignore[attr-defined]
        return lambda x: masked(x) * 1.1

    broken.right = forms.masked  # type: ignore[attr-defined]
    monkeypatch.setattr(forms, "masked", broken)
    return run.run(TOY, lambda what: None)


def test_a_result_has_a_row_for_every_right_engine_and_names_the_wrong_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    result = toy_result(monkeypatch)
    names = [(row["engine"], row["precision"], row["implementation"], row["batch"]) for row in result["rows"]]
    assert len(names) == len(set(names)) == 2 * 2 * 4
    excluded = [(entry["engine"], entry["cell"]["batch"]) for entry in result["excluded"]]
    assert excluded == [(f"fff {precision} (PyTorch masked)", batch) for batch in (1, 5) for precision in ("fp32", "bf16")]
    assert all("differs from float64" in entry["reason"] for entry in result["excluded"])
    for number, (row, samples) in enumerate(zip(result["rows"], result["samples"])):
        assert samples["row"] == number and len(samples["microsecondsPerToken"]) == row["pairs"] >= 4
        assert row["microsecondsPerToken"]["median"] == pytest.approx(float(np.median(samples["microsecondsPerToken"])))
        assert row["nodes"] == 31 and row["levels"] == 5 and row["verified"] and row["worstError"] < 0.02
        dense = "dense-twin" if row["engine"] == "dense-twin" else None
        assert (row["ratioToBestDense"] == {"median": 1.0, "low": 1.0, "high": 1.0}) == (dense is not None)
    fff = next(row for row in result["rows"] if row["engine"] == "paper-fff-torch" and row["precision"] == "bf16")
    assert fff["bytesTouched"] == 2 * 5 * 49 and fff["distinctLeaves"] == 1
    assert [test["cell"]["batch"] for test in result["selfTests"]] == [1, 5]
    assert "gpu" not in result["environment"] and result["environment"]["cpu"]
    assert "Left out at batch 1: fff fp32 (PyTorch masked)" in report(result)


def test_the_program_writes_a_file_and_refuses_what_it_cannot_measure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "below" / "toy.fffbench"
    options = "--device cpu --batches 2 --width 16 --depth 3 --precision fp32 --pairs 3 --cell-seconds 0 --seconds 30"
    assert main(["--out", str(file), *options.split()]) == 0
    result = json.loads(file.read_text("utf-8"))
    assert result["format"] == "fffbench" and len(result["rows"]) == 5
    assert result["plan"]["batches"] == [2] and result["plan"]["limits"]["minimumPairs"] == 3
    printed = capsys.readouterr()
    assert "paper-fff-torch fp32 (PyTorch)" in printed.out and "batch 2: verifying" in printed.err
    for wrong in (["--precision", "fp8"], ["--batches", "0"], ["--device", "cpu", "--precision", "tf32"]):
        with pytest.raises(SystemExit):
            parse(["--out", "x", *wrong])


def test_the_paper_s_factor_is_judged_between_layers_called_alike() -> None:
    def row(engine: str, implementation: str, microseconds: float) -> Dict[str, Any]:
        return {"engine": engine, "implementation": implementation, "precision": "fp32", "batch": 8,
                "microsecondsPerToken": {"median": microseconds}}  # fmt: skip

    rows = [row("paper-fff-torch", "PyTorch", 2.0), row("dense-3072", "PyTorch, CUDA graph", 1.0), row("dense-3072", "PyTorch", 90.0)]
    (line,) = paper_lines({"rows": rows})
    assert "45 times as fast" in line and "and more" in line
