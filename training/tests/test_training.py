"""The training loop: exact resume, schedules, and that each switch does what it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List

import pytest
import torch

from fff_training.checkpoint import load_model
from fff_training.config import ConfigError
from fff_training.data import MaskedBatch, generator_for, mask_batch, mask_count
from fff_training.distributed import World
from fff_training.fff import FastFeedforward
from fff_training.model import MaskedLanguageModel
from fff_training.objective import distilled_loss, masked_loss, parameter_groups
from fff_training.run import visible_name
from fff_training.settings import TrainSettings, learning_rate, mask_rate, noise_scale
from fff_training.trainer import Trainer
from toy import CPU, toy_heldout, toy_settings, toy_store

ALONE = World(0, 1, CPU)


def trainer_for(out: Path, **changes: Any) -> Trainer:
    return Trainer(toy_settings(**changes), toy_store(), out, ALONE, toy_heldout())


def events(out: Path, event: str) -> List[Dict[str, Any]]:
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text("utf-8").splitlines()]
    return [line for line in lines if line["event"] == event]


@pytest.mark.parametrize("changes", [{}, {"ema": 0.9, "noise_from": 1.0, "model": {"trees": 2}}])
def test_resume_equals_no_interruption_bit_for_bit(tmp_path: Path, changes: Dict[str, Any]) -> None:
    straight = trainer_for(tmp_path / "a", **changes)
    straight.run()
    first = trainer_for(tmp_path / "b", **changes)
    first.run(stop_after=9)
    assert not first.finished
    second = trainer_for(tmp_path / "b", **changes)
    assert second.resume()
    second.run()
    assert second.finished and second.step == straight.step and second.tokens == straight.tokens
    for (name, a), b in zip(straight.model.state_dict().items(), second.model.state_dict().values()):
        assert torch.equal(a, b), name
    for a, b in zip(straight.average, second.average):
        assert torch.equal(a, b)
    assert (tmp_path / "a/model/model.safetensors").read_bytes() == (
        tmp_path / "b/model/model.safetensors"
    ).read_bytes()


def test_training_learns_the_toy_language_and_logs_it(tmp_path: Path) -> None:
    trainer = trainer_for(tmp_path, tokens=32 * 16 * 260, learning_rate=1e-2)
    before = trainer._quick()
    after = trainer.run()
    assert after["prose_loss"] < before["prose_loss"] - 1.0
    assert after["prose_top1"] > before["prose_top1"] + 0.2
    start, end = events(tmp_path, "start")[0], events(tmp_path, "end")[0]
    assert start["parameters"] == sum(value.numel() for value in trainer.model.parameters())
    assert end["tokens"] == trainer.tokens and len(events(tmp_path, "heldout")) >= 1
    again = load_model(tmp_path / "model")
    assert torch.equal(again.encoder.final_norm.weight, trainer.model.encoder.final_norm.weight)


def test_a_run_pauses_at_its_time_and_keeps_its_schedule(tmp_path: Path) -> None:
    trainer = Trainer(toy_settings(), toy_store(), tmp_path, ALONE, None, pause_at=1.0)
    trainer.run()
    assert not trainer.finished and trainer.step == 0 and events(tmp_path, "paused")


def test_a_deadline_shortens_the_schedule_of_a_timed_run(tmp_path: Path) -> None:
    import time

    trainer = Trainer(toy_settings(tokens=0, seconds=3600.0), toy_store(), tmp_path, ALONE, None, time.time() + 2.0)
    trainer.run()
    assert trainer.finished and trainer.elapsed < 60 and trainer.step > 0


def test_every_third_step_is_packed(tmp_path: Path) -> None:
    trainer = trainer_for(tmp_path)
    assert [trainer.is_packed(step) for step in range(6)] == [False, False, True, False, False, True]
    trainer.run(stop_after=4)
    assert trainer.tokens == 4 * 32 * 16


def test_packed_steps_have_texts_of_the_lengths_wanted(tmp_path: Path) -> None:
    trainer = trainer_for(tmp_path, packed_every=1, shortest=4, longest=4)
    batches: List[MaskedBatch] = []
    trainer.objective = lambda batch: batches.append(batch)  # type: ignore[assignment, func-returns-value]
    trainer.losses_of(0, 0.0)
    packing = batches[0].packing
    assert packing is not None and torch.equal(packing.place[0], torch.arange(16) % 4)


@pytest.mark.parametrize("length,shortest", [(32, 9), (32, 20), (32, 32), (17, 2)])
def test_any_shortest_text_can_be_packed(length: int, shortest: int) -> None:
    ids, (text, place) = toy_store().packed(0, 1, 200, length, shortest)
    assert ids.shape == (200, length) and place.max() < length
    assert (text.max(1).values + 1 <= -(-length // shortest)).all()
    with pytest.raises(ValueError, match="shortest is 33"):
        TrainSettings.from_dict({"length": 32, "shortest": 33})


def test_texts_of_one_length_fill_packed_rows() -> None:
    ids, (text, place) = toy_store().packed(0, 1, 200, 32, shortest=8, longest=8)
    assert torch.equal(place, (torch.arange(32) % 8).expand(200, 32))
    assert torch.equal(text, (torch.arange(32) // 8).expand(200, 32))
    assert (ids[:, 7::8] == 5).all()
    with pytest.raises(ValueError, match="shortest is 8, longest 4"):
        TrainSettings.from_dict({"length": 32, "shortest": 8, "longest": 4})


def test_packed_rows_are_whole_texts_of_every_length() -> None:
    store = toy_store()
    ids, (text, place) = store.packed(2, 1, 400, 32, shortest=4)
    assert torch.equal(ids, store.packed(2, 1, 400, 32, shortest=4)[0])
    lengths, stream = set(), store.tokens.tolist()
    followers = {tuple(stream[at : at + 3]) for at in range(len(stream) - 2)}
    for row in range(len(ids)):
        numbers = text[row].unique(return_counts=True)
        assert numbers[0].tolist() == list(range(len(numbers[0])))
        start = 0
        for size in numbers[1].tolist():
            assert place[row, start : start + size].tolist() == list(range(size))
            words = ids[row, start : start + size].tolist()
            assert words[-1] == 5
            assert all(tuple(words[at : at + 3]) in followers for at in range(size - 3))
            start += size
        lengths.update(numbers[1].tolist()[:-1])
        assert numbers[1][0] >= 4
    assert lengths == set(range(4, 32))


def test_schedules() -> None:
    settings = TrainSettings(learning_rate=1.0, warmup=0.1, noise_from=2.0, noise_until=0.5)
    assert learning_rate(settings, 0.05) == pytest.approx(0.5)
    assert learning_rate(settings, 0.1) == pytest.approx(1.0)
    assert learning_rate(settings, 0.55) == pytest.approx(0.5)
    assert learning_rate(settings, 1.0) == 0.0
    assert mask_rate(settings, 0.0) == 0.25 and mask_rate(settings, 1.0) == pytest.approx(0.15)
    assert [noise_scale(settings, at) for at in (0.0, 0.25, 0.5, 0.9)] == [2.0, 1.0, 0.0, 0.0]
    assert [mask_count(128, rate) for rate in (0.25, 0.2, 0.15)] == [32, 24, 20]
    assert mask_count(32, 0.25) == 8 and mask_count(4, 0.1) == 1


def test_batches_depend_on_seed_and_step_only() -> None:
    store = toy_store()
    assert torch.equal(store.windows(5, 1, 8, 16), store.windows(5, 1, 8, 16))
    assert not torch.equal(store.windows(5, 1, 8, 16), store.windows(6, 1, 8, 16))
    assert not torch.equal(store.windows(5, 1, 8, 16), store.windows(5, 2, 8, 16))


def test_windows_are_consecutive_tokens_closed_by_sep() -> None:
    store = toy_store()
    ids = store.windows(1, 1, 200, 16, line_share=1.0)
    assert (ids[:, -1] == 5).all()
    joined = store.tokens.to(torch.int64)
    for row in ids[:20, :-1]:
        places = (joined == row[0]).nonzero().flatten()
        places = places[places + 15 <= len(joined)]
        starts = [int(place) for place in places if torch.equal(joined[place : place + 15], row)]
        assert starts and any(place == 0 or joined[place - 1] in (5, 7) for place in starts)


def test_masking_hides_exactly_the_count_and_keeps_the_labels() -> None:
    ids = toy_store().windows(3, 1, 50, 16)
    batch = mask_batch(ids, 4, generator_for(1, 1, CPU))
    assert ((batch.ids == 6).sum(1) == 4).all()
    assert torch.equal(ids.flatten()[batch.positions], batch.labels)
    assert not (batch.labels == 5).any()
    kept = batch.ids != 6
    assert torch.equal(batch.ids[kept], ids[kept])


def test_losses_of_known_logits() -> None:
    hidden = torch.zeros(1, 3, 4)
    embedding = torch.randn(10, 4)
    positions, labels = torch.tensor([0, 2]), torch.tensor([1, 9])
    uniform = torch.log(torch.tensor(10.0))
    assert masked_loss(hidden, positions, labels, embedding) == pytest.approx(uniform.item())
    student = torch.randn(1, 3, 4)
    total, hard = distilled_loss(student, positions, labels, embedding, student, embedding, 1.0, 1.0)
    assert total.item() == pytest.approx(0.0, abs=1e-6)
    mixed, hard = distilled_loss(student, positions, labels, embedding, hidden, embedding, 0.0, 2.0)
    assert mixed.item() == pytest.approx(hard.item())


def test_distillation_draws_the_student_to_its_teacher(tmp_path: Path) -> None:
    common = {"tokens": 32 * 16 * 260, "learning_rate": 1e-2}
    teacher = trainer_for(tmp_path / "teacher", model={"feedforward": "dense", "width": 24}, **common)
    taught = teacher.run()
    student = trainer_for(tmp_path / "student", teacher=str(tmp_path / "teacher/model"), distill=1.0, **common)
    before = student._quick()
    result = student.run()
    assert taught["prose_loss"] < 2.35  # 2.5 is chance among 12 words.
    # The student never saw a label, only its teacher.
    assert result["prose_loss"] < before["prose_loss"] - 1.0
    assert all(value.grad is None for value in student.objective.teacher.parameters())


def test_a_teacher_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    teacher = trainer_for(
        tmp_path / "teacher", model={"feedforward": "dense", "width": 24, "max_sequence_length": 8}, length=8
    )
    teacher.heldout = None
    teacher.save()
    with pytest.raises(ConfigError, match="8 positions"):
        trainer_for(tmp_path / "student", teacher=str(tmp_path / "teacher/model"))


def test_a_student_can_start_from_its_teachers_attention(tmp_path: Path) -> None:
    teacher = trainer_for(tmp_path / "teacher", model={"feedforward": "dense", "width": 24})
    teacher.run()
    student = trainer_for(tmp_path / "student", start_from=str(tmp_path / "teacher/model"))
    ours, theirs = student.model.state_dict(), teacher.model.state_dict()
    for name in ("encoder.embedding.word_embedding.weight", "encoder.layers.1.attn.dense.weight"):
        assert torch.equal(ours[name], theirs[name])


def test_fff_parameters_have_their_own_rate_and_biases_no_decay() -> None:
    settings = toy_settings(fff_rate=3.0)
    model = MaskedLanguageModel(settings.model)
    groups = parameter_groups(model, settings)
    assert sum(len(group["params"]) for group in groups) == len(list(model.parameters()))
    fff = {id(p) for ffn in model.feedforwards() for p in ffn.parameters()}
    for group in groups:
        assert {id(p) in fff for p in group["params"]} == {group["rate"] == 3.0}
        assert {p.dim() >= 2 for p in group["params"]} == {group["weight_decay"] > 0}


def test_the_balance_term_spreads_the_leaves(tmp_path: Path) -> None:
    from fff_training.usage import leaf_usage

    def least_entropy(weight: float) -> float:
        trainer = trainer_for(tmp_path / str(weight), balance=weight, tokens=32 * 16 * 120, learning_rate=1e-2)
        with torch.no_grad():
            for ffn in trainer.model.feedforwards():
                ffn.linear_in.bias.fill_(1.0)  # A bad start: almost everything goes right.
        trainer.run()
        usage = leaf_usage(trainer.evaluated_model(), toy_heldout().windows["prose"])
        return min(layer["entropy_bits"] for layer in usage)

    assert least_entropy(3.0) > least_entropy(0.0) + 0.2


def test_the_exported_average_is_not_the_last_weights(tmp_path: Path) -> None:
    trainer = trainer_for(tmp_path, ema=0.95)
    trainer.run()
    saved = load_model(tmp_path / "model").state_dict()
    name = "encoder.layers.0.attn.dense.weight"
    own = dict(zip((key for key, _ in trainer.model.named_parameters()), trainer.average))[name]
    assert torch.equal(saved[name], own) and not torch.equal(saved[name], trainer.model.state_dict()[name])


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="learnin_rate"):
        TrainSettings.from_dict({"learnin_rate": 1.0})


def test_the_default_recipe_is_the_shipped_shape() -> None:
    model = MaskedLanguageModel(TrainSettings().model)
    assert abs(sum(value.numel() for value in model.parameters()) - 21.25e6) < 0.05e6
    assert all(isinstance(ffn, FastFeedforward) for ffn in model.feedforwards())
    assert model.config.active_neurons == 12 and model.config.nodes_per_tree == 4095


def test_jobs_take_only_the_devices_this_process_may_see() -> None:
    assert [visible_name(gpu, "2,3") for gpu in (0, 1)] == ["2", "3"]
    assert visible_name(1, "") == "1"
