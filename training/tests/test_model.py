"""The model equals the official one (fixtures), and both FFF forms are the same function."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Dict

import pytest
import torch
from safetensors.torch import load_file, save_file

from fff_training.checkpoint import CheckpointError, load_model, save_hub
from fff_training.config import ConfigError, ModelConfig
from fff_training.dense import DenseFeedforward
from fff_training.fff import FastFeedforward
from fff_training.model import MaskedLanguageModel
from fff_training.packing import pack

TOLERANCE: Dict[str, float] = {"embedding": 2e-5, "attn_probs": 2e-5}


def largest_difference(name: str, found: torch.Tensor, wanted: torch.Tensor) -> float:
    assert found.shape == wanted.shape, name
    return (found - wanted).abs().max().item() if found.numel() else 0.0


@pytest.mark.parametrize("fixture", ["F1", "F2", "D1"])
def test_every_intermediate_equals_the_official_model(fixtures: Path, fixture: str) -> None:
    model = load_model(fixtures / fixture)
    expected = load_file(str(fixtures / fixture / "expected.safetensors"))
    cases = json.loads((fixtures / fixture / "cases.json").read_text("utf-8"))["cases"]
    compared = 0
    for case, data in cases.items():
        ids = torch.tensor(data["input_ids"])
        mask = None if data["attention_mask"] is None else torch.tensor(data["attention_mask"])
        found = model.trace(ids, mask)
        found["mlm_logits_sel"] = found["mlm_logits"]
        positions = expected.get(f"{case}.mlm_sel_positions")
        if positions is not None:
            found["mlm_logits_sel"] = found["mlm_logits"][:, positions.long()]
        for key, wanted in expected.items():
            if not key.startswith(case + "."):
                continue
            name = key[len(case) + 1 :]
            if name in ("input_ids", "attention_mask", "mlm_sel_positions"):
                continue
            if name.endswith("nodes"):
                assert torch.equal(found[name], wanted), key
            else:
                tolerance = TOLERANCE.get(name.split(".")[-1], 5e-5)
                assert largest_difference(key, found[name], wanted) <= tolerance, key
            compared += 1
    assert compared >= 80


@pytest.mark.parametrize("fixture", ["F1", "F2"])
@pytest.mark.parametrize("form", ["grouped", "masked"])
def test_the_training_forward_equals_the_official_logits(fixtures: Path, fixture: str, form: str) -> None:
    model = load_model(fixtures / fixture, form)
    expected = load_file(str(fixtures / fixture / "expected.safetensors"))
    with torch.no_grad():
        found = model(expected["single.input_ids"].long())
    assert largest_difference(fixture, found, expected["single.mlm_logits"]) <= 5e-5


def layer_pair(depth: int, trees: int, seed: int) -> "tuple[FastFeedforward, FastFeedforward]":
    config = ModelConfig(vocab_size=8, hidden_size=24, layers=1, heads=2, depth=depth, trees=trees)
    torch.manual_seed(seed)
    first, second = FastFeedforward(config, "grouped"), FastFeedforward(config, "masked")
    second.load_state_dict(first.state_dict())
    for layer in (first, second):
        layer.want_balance = True
    return first.double(), second.double()


@pytest.mark.parametrize("depth,trees,tokens", [(1, 1, 5), (2, 3, 40), (5, 1, 300), (6, 2, 257), (7, 1, 1), (0, 4, 9)])
def test_grouped_equals_masked_in_value_balance_and_gradient(depth: int, trees: int, tokens: int) -> None:
    grouped, masked = layer_pair(depth, trees, seed=depth)
    x = torch.randn(tokens, 24, dtype=torch.float64)
    inputs = [x.clone().requires_grad_(True) for _ in range(2)]
    weight = torch.randn(tokens, 24, dtype=torch.float64)
    outputs = [layer(value) for layer, value in zip((grouped, masked), inputs)]
    assert torch.allclose(outputs[0].value, outputs[1].value, atol=1e-12)
    assert torch.allclose(outputs[0].balance, outputs[1].balance, atol=1e-7)
    for out in outputs:
        ((out.value * weight).sum() + out.balance).backward()
    assert torch.allclose(inputs[0].grad, inputs[1].grad, atol=1e-7)
    for (name, a), b in zip(grouped.named_parameters(), masked.parameters()):
        assert torch.allclose(a.grad, b.grad, atol=1e-6), name


@pytest.mark.parametrize("samples", [0, 2])
@pytest.mark.parametrize("depth,trees,tokens", [(2, 3, 40), (5, 1, 300), (6, 2, 257)])
def test_a_routing_gradient_leaves_values_alone_and_is_the_same_in_both_forms(
    depth: int, trees: int, tokens: int, samples: int
) -> None:
    grouped, masked = layer_pair(depth, trees, seed=depth)
    x = torch.randn(tokens, 24, dtype=torch.float64)
    weight = torch.randn(tokens, 24, dtype=torch.float64)
    plain = grouped(x).value
    gradients = []
    for layer in (grouped, masked):
        (layer(x).value * weight).sum().backward()
        before = layer.linear_in.weight.grad.clone()
        layer.zero_grad()
        layer.routing_gradient, layer.routing_samples = 1.0, samples
        torch.manual_seed(9)
        own = x.clone().requires_grad_(True)
        value = layer(own).value
        assert torch.allclose(value, plain, atol=1e-12)
        (value * weight).sum().backward()
        assert not torch.allclose(layer.linear_in.weight.grad, before)
        gradients.append((own.grad, layer.linear_in.weight.grad, layer.linear_out.weight.grad))
    for a, b in zip(*gradients):
        assert torch.allclose(a, b, atol=1e-7)


def routing_slopes(
    depth: int, seed: int, samples: int
) -> "tuple[FastFeedforward, torch.Tensor, torch.Tensor, torch.Tensor]":
    """A small tree, a token, each node's worth (what it adds to a random linear loss), and what the gradient of routing,
    with ``samples`` sub-trees tried, adds to the slope of each bias."""
    config = ModelConfig(vocab_size=8, hidden_size=6, layers=1, heads=2, depth=depth, trees=1)
    torch.manual_seed(seed)
    layer = FastFeedforward(config).double()
    x, weight = torch.randn(1, 6, dtype=torch.float64), torch.randn(6, dtype=torch.float64)
    slopes = []
    for routing in ((0.0, 0), (1.0, 0), (1.0, samples)):
        layer.zero_grad()
        layer.routing_gradient, layer.routing_samples = routing
        (layer(x).value @ weight).sum().backward()
        slopes.append(layer.linear_in.bias.grad.clone())
    logits = (x @ layer.linear_in.weight.t() + layer.linear_in.bias)[0].detach()
    worth = torch.nn.functional.gelu(logits) * (weight @ layer.linear_out.weight.detach())
    return layer, x, worth, slopes[2] - slopes[1 if samples else 0]


def expected_slope(layer: FastFeedforward, x: torch.Tensor, worth: torch.Tensor, node: int) -> torch.Tensor:
    """The slope of the value expected if ``node`` decided by a coin of chance sigmoid(logit) between its children."""
    chance = torch.sigmoid(layer.linear_in(x)[0, node].detach())
    expected = torch.zeros_like(worth)
    expected[node] = chance * (1 - chance) * (worth[2 * node + 2] - worth[2 * node + 1])
    assert expected[node] != 0
    return expected


def test_the_routing_gradient_is_the_slope_of_the_softly_routed_value() -> None:
    layer, x, worth, added = routing_slopes(depth=2, seed=5, samples=0)
    # Depth 2: the root is one part, its children and leaves the other. Only the visited child decides something there.
    child = int(layer.trace(x)["nodes"][0, 0, 1])
    assert torch.allclose(added, expected_slope(layer, x, worth, child), atol=1e-12)


def test_upper_decisions_learn_what_the_sub_tree_beside_would_give() -> None:
    layer, x, worth, added = routing_slopes(depth=1, seed=7, samples=3)
    # Depth 1: the root is the upper half, so that every sample turns the root's decision around.
    assert torch.allclose(added, expected_slope(layer, x, worth, 0), atol=1e-12)


@pytest.mark.parametrize("form", ["grouped", "masked"])
def test_gradient_reaches_exactly_the_visited_neurons(form: str) -> None:
    config = ModelConfig(vocab_size=8, hidden_size=16, layers=1, heads=2, depth=6, trees=2)
    torch.manual_seed(3)
    layer = FastFeedforward(config, form)
    x = torch.randn(7, 16)
    layer(x).value.square().sum().backward()
    nodes = layer.trace(x)["nodes"].long()
    visited = torch.zeros(config.trees, config.nodes_per_tree, dtype=torch.bool)
    for tree in range(config.trees):
        visited[tree, nodes[:, tree].reshape(-1)] = True
    visited = visited.flatten()
    assert 0 < visited.sum() < visited.numel()
    assert torch.equal(layer.linear_in.weight.grad.abs().sum(1) > 0, visited)
    assert torch.equal(layer.linear_in.bias.grad != 0, visited)
    assert torch.equal(layer.linear_out.weight.grad.abs().sum(0) > 0, visited)


def test_the_balance_term_of_known_decisions() -> None:
    config = ModelConfig(vocab_size=8, hidden_size=4, layers=1, heads=2, depth=1, trees=1)
    layer = FastFeedforward(config, "grouped")
    layer.want_balance = True
    with torch.no_grad():
        layer.linear_in.weight.zero_()
        layer.linear_in.bias.zero_()
    assert layer(torch.randn(6, 4)).balance.item() == pytest.approx(0.0)
    with torch.no_grad():
        layer.linear_in.bias[0] = 50.0
    assert layer(torch.randn(6, 4)).balance.item() == pytest.approx(0.25)


def test_the_balance_term_pulls_a_collapsed_node_back() -> None:
    config = ModelConfig(vocab_size=8, hidden_size=4, layers=1, heads=2, depth=3, trees=1)
    layer = FastFeedforward(config, "grouped")
    layer.want_balance = True
    with torch.no_grad():
        layer.linear_in.bias[0] = 2.0
    layer(torch.randn(50, 4)).balance.backward()
    assert layer.linear_in.bias.grad[0] > 0
    assert layer.linear_in.bias.grad[1] == 0  # The left child is never visited.
    assert layer.linear_out.weight.grad is None


def test_padding_an_odd_width_changes_nothing() -> None:
    config = ModelConfig(vocab_size=8, hidden_size=16, layers=1, heads=2, feedforward="dense", width=13)
    torch.manual_seed(1)
    layer = DenseFeedforward(config)
    x = torch.randn(9, 16)
    assert torch.allclose(layer(x).value, layer.trace(x)["ffn_output"], atol=1e-7)
    layer(x).value.sum().backward()
    assert layer.dense_in.weight.grad.shape == (13, 16)


def test_routing_noise_moves_paths_only_while_training() -> None:
    config = ModelConfig(vocab_size=8, hidden_size=8, layers=1, heads=2, depth=5, trees=1)
    layer = FastFeedforward(config)
    layer.noisy = True
    layer.noise_scale.fill_(5.0)
    x = torch.randn(64, 8)
    assert not torch.equal(layer.train()(x).value, layer.train()(x).value)
    assert torch.equal(layer.eval()(x).value, layer.eval()(x).value)


def test_the_output_weights_of_an_fff_start_as_large_as_asked() -> None:
    sizes = {"vocab_size": 8, "hidden_size": 32, "layers": 1, "heads": 2, "depth": 6, "init_std": 0.02}
    plain = MaskedLanguageModel(ModelConfig(**sizes), seed=1).feedforwards()[0]
    large = MaskedLanguageModel(ModelConfig(**sizes, fff_out_std=0.2), seed=1).feedforwards()[0]
    assert plain.linear_out.weight.std().item() == pytest.approx(0.02, rel=0.1)
    assert large.linear_out.weight.std().item() == pytest.approx(0.2, rel=0.1)
    assert torch.equal(plain.linear_in.weight, large.linear_in.weight)


def test_a_hub_folder_round_trips(tmp_path: Path) -> None:
    config = ModelConfig(vocab_size=50, hidden_size=16, layers=2, heads=2, depth=3, trees=2, max_sequence_length=16)
    model = MaskedLanguageModel(config, seed=1).eval()
    save_hub(model, tmp_path, torch.float32)
    again = load_model(tmp_path)
    ids = torch.randint(0, 50, (2, 9))
    assert torch.equal(model(ids), again(ids))
    assert again.config.depth == 3 and again.config.trees == 2


def test_half_precision_does_not_round_the_scale_of_attention(tmp_path: Path) -> None:
    config = ModelConfig(vocab_size=50, hidden_size=24, layers=1, heads=2, depth=3, max_sequence_length=16)
    save_hub(MaskedLanguageModel(config, seed=1), tmp_path, torch.float16)
    tensors = load_file(str(tmp_path / "model.safetensors"))
    scale = tensors["encoder.layers.0.attn.self_attention.norm_factor"]
    assert scale.item() == pytest.approx(12**-0.5, rel=1e-7)
    assert {value.dtype for name, value in tensors.items() if not name.endswith("norm_factor")} == {torch.float16}


def test_texts_packed_in_a_row_do_not_see_each_other() -> None:
    config = ModelConfig(vocab_size=50, hidden_size=16, layers=2, heads=2, depth=3, max_sequence_length=16)
    model = MaskedLanguageModel(config, seed=1).eval()
    ids = torch.randint(0, 50, (3, 16))
    packing = pack(3, 16, 3, 16, torch.Generator().manual_seed(2))
    assert packing.text.max() >= 2
    together = model.encoder(ids, None, packing).hidden
    for row in range(3):
        for number in range(int(packing.text[row].max()) + 1):
            own = packing.text[row] == number
            alone = model.encoder(ids[row, own][None]).hidden[0]
            assert torch.allclose(together[row, own], alone, atol=1e-5)


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    config = ModelConfig(vocab_size=50, hidden_size=16, layers=1, heads=2, depth=3, max_sequence_length=16)
    save_hub(MaskedLanguageModel(config, seed=1), tmp_path, torch.float32)
    tensors = load_file(str(tmp_path / "model.safetensors"))
    del tensors["encoder.final_norm.bias"]
    save_file(tensors, str(tmp_path / "model.safetensors"))
    with pytest.raises(CheckpointError, match="encoder.final_norm.bias"):
        load_model(tmp_path)


def test_a_master_leaf_cannot_be_exported() -> None:
    with pytest.raises(ConfigError, match="master leaf"):
        ModelConfig(master_leaf=16).to_hub()
