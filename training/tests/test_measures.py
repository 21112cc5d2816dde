"""Evaluation on known cases: scores, bits a character, entropy, gap closed, the fill-mask suite, fine-tuning."""

from __future__ import annotations

import json
import math
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
from torch import nn

from fff_training.compare import gap_closed, read_runs, summarize, to_markdown
from fff_training.config import ModelConfig
from fff_training.curves import draw, read_curves
from fff_training.curves import main as draw_curves
from fff_training.downstream import fine_tune, make_task
from fff_training.evaluate import evaluate
from fff_training.fill_mask import Line, fill_mask, read_suite
from fff_training.heldout import bits_per_character, masked_scores
from fff_training.model import EncoderOutput, MaskedLanguageModel
from fff_training.tokenizer import train
from fff_training.usage import entropy_bits, leaf_usage
from toy import toy_heldout, toy_settings


class Oracle(nn.Module):
    """Answers every mask with one fixed distribution: probability ``share`` for token 9, the rest even."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.anchor = nn.Parameter(torch.zeros(1))
        self.logits = torch.full((20,), math.log((1 - share) / 19))
        self.logits[9] = math.log(share)

    def encoder(self, ids: torch.Tensor) -> EncoderOutput:
        return EncoderOutput(torch.zeros(*ids.shape, 20), torch.zeros(()))

    def decode(self, hidden: torch.Tensor) -> torch.Tensor:
        return hidden + self.logits


def test_scores_of_a_known_distribution() -> None:
    windows = torch.full((10, 16), 9)
    windows[5:, :15] = 12
    windows[:, -1] = 5
    scores = masked_scores(Oracle(0.5), windows, rate=0.2)  # type: ignore[arg-type]
    assert scores["masks"] == 30
    assert scores["top1"] == pytest.approx(0.5)
    expected = -(0.5 * math.log(0.5) + 0.5 * math.log(0.5 / 19))
    assert scores["loss"] == pytest.approx(expected, rel=1e-5)


def test_bits_per_character_of_one_bit_a_token() -> None:
    assert bits_per_character(math.log(2), 4.0) == pytest.approx(0.25)


def test_entropy_of_known_counts() -> None:
    assert entropy_bits(torch.tensor([5.0, 5.0, 0.0, 0.0])) == pytest.approx(1.0)
    assert entropy_bits(torch.tensor([7.0, 0.0])) == pytest.approx(0.0)


def test_leaf_usage_counts_every_token_of_every_layer() -> None:
    model = MaskedLanguageModel(toy_settings(model={"trees": 2}).model, seed=2).eval()
    with torch.no_grad():
        model.feedforwards()[1].linear_in.weight.zero_()
        model.feedforwards()[1].linear_in.bias.fill_(-1.0)
    usage = leaf_usage(model, toy_heldout().windows["prose"], tokens=200)
    assert [layer["tokens"] for layer in usage] == [512, 512]
    assert usage[0]["entropy_bits"] > 0.5 and usage[0]["leaves_reached"] > 1
    assert usage[1]["entropy_bits"] == 0.0 and usage[1]["leaves_reached"] == 1.0 and usage[1]["leaves"] == 8


def test_evaluate_reports_every_domain(tmp_path: Path) -> None:
    model = MaskedLanguageModel(toy_settings().model, seed=2).eval()
    result = evaluate(model, toy_heldout(), usage_tokens=300)
    for name in ("prose", "markdown", "code"):
        assert 2.5 < result[name]["loss"] < 6 and result[name]["bits_per_character"] > 0
    assert len(result["usage"]) == 2 and result["active_neurons"] == 4
    assert set(result["short"]) == {"12"}  # Windows of 16: only one of the shorter lengths is shorter.
    assert all(0 <= scores["top1"] < 0.9 and scores["masks"] > 100 for scores in result["short"]["12"].values())
    beginnings, windows = toy_heldout().beginnings(12)["code"], toy_heldout().windows["code"]
    assert torch.equal(beginnings[:, :-1], windows[:, :11]) and (beginnings[:, -1] == 5).all()
    json.dumps(result)


def test_gap_closed() -> None:
    assert gap_closed(2.25, 3.0, 2.0) == pytest.approx(0.75)
    assert gap_closed(3.5, 3.0, 2.0) == pytest.approx(-0.5)
    assert gap_closed(2.0, 2.0, 2.0) is None


def test_the_comparison_groups_seeds_and_shows_their_spread(tmp_path: Path) -> None:
    def put(name: str, loss: float) -> None:
        row = {"loss": loss, "top1": 0.5, "bits_per_character": 1.0}
        document = {"parameters": 1000, "active_neurons": 3, "prose": row, "code": row, "usage": []}
        (tmp_path / name).mkdir()
        (tmp_path / name / "evaluation.json").write_text(json.dumps(document), "utf-8")

    for name, loss in (("dense16-s1", 3.0), ("dense4095-s1", 2.0), ("fff-s1", 2.4), ("fff-s2", 2.6)):
        put(name, loss)
    table = summarize(read_runs(tmp_path), "dense16", "dense4095")
    assert table["fff"]["seeds"] == 2
    assert table["fff"]["prose_loss"] == pytest.approx(2.5)
    assert table["fff"]["prose_loss_spread"] == pytest.approx(0.1)
    assert table["fff"]["prose_gap_closed"] == pytest.approx(0.5)
    assert "2.500 ± 0.100" in to_markdown(table)


def test_the_fill_mask_suite_is_well_formed() -> None:
    lines = read_suite()
    assert len(lines) >= 48
    assert {line.kind for line in lines} == {"code", "markdown", "prose"}
    assert len({line.text for line in lines}) == len(lines)


def test_a_malformed_suite_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "suite.tsv"
    path.write_text("prose\tno mask here\tword\n", "utf-8")
    with pytest.raises(ValueError, match="line 1"):
        read_suite(path)


def test_fill_mask_returns_probabilities_in_order() -> None:
    tokenizer = train(["the cat sat on the mat\n" * 3, "a dog and a cat\n"], vocab_size=160)
    config = ModelConfig(vocab_size=tokenizer.get_vocab_size(), hidden_size=16, layers=1, heads=2, depth=2)
    found = fill_mask(
        MaskedLanguageModel(config, seed=1).eval(), tokenizer, Line("prose", "the <mask> sat", ("cat",)).text, 4
    )
    values = [answer["probability"] for answer in found]
    assert len(found) == 4 and values == sorted(values, reverse=True) and 0 < values[0] < 1


def test_fine_tuning_separates_two_easy_classes() -> None:
    texts = {"letters": "alpha beta gamma delta", "digits": "1 2 3 4 5 6 7 8 9"}
    tokenizer = train([" ".join(texts.values())] * 4, vocab_size=200)
    pairs = [(label, " ".join(text.split()[start:])) for label, text in texts.items() for start in range(3)] * 6
    task = make_task("toy", pairs, pairs, tokenizer, 16)
    config = ModelConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=16, layers=1, heads=2, depth=2, max_sequence_length=16
    )
    model = MaskedLanguageModel(config, seed=1).eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    result = fine_tune(model, task, seed=0, epochs=20, batch=8, rate=3e-3)
    assert result["accuracy"] > 0.95 and result["majority"] == 0.5
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_the_curves_hold_every_run_with_evaluations(tmp_path: Path) -> None:
    for name, losses in (("fff", (3.0, 2.5)), ("dense", (2.9, 2.0)), ("silent", ())):
        lines = [{"event": "start", "tokens": 0}] + [
            {"event": "heldout", "tokens": 1e8 * (place + 1), "prose_loss": loss, "code_loss": loss, "markdown_loss": loss}
            for place, loss in enumerate(losses)
        ]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    curves = read_curves(tmp_path)
    assert list(curves) == ["dense", "fff"] and curves["fff"]["code"] == [(100.0, 3.0), (200.0, 2.5)]
    picture = draw(curves)
    ElementTree.fromstring(picture)
    assert picture.count('stroke-width="2"') == 2 * 3 + 2 and ">silent<" not in picture


def test_the_curves_of_chosen_runs_keep_their_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b", "c"):
        line = {"event": "end", "tokens": 1e9, "prose_loss": 2.0, "code_loss": 2.0, "markdown_loss": 2.0}
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(line) + "\n", "utf-8")
    command = ["--logs", str(tmp_path), "--out", str(tmp_path / "curves.svg"), "--only"]
    assert draw_curves([*command, "c", "a"]) == 0
    picture = (tmp_path / "curves.svg").read_text("utf-8")
    assert picture.index(">c<") < picture.index(">a<") and ">b<" not in picture
    with pytest.raises(SystemExit):
        draw_curves([*command, "a", "z"])
    assert "has no log z" in capsys.readouterr().err
