"""Export and its way into the extension, the queue of experiments, and copying results out in parts."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, Dict

import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from fff_training import record
from fff_training.checkpoint import load_model
from fff_training.collect import collect, join
from fff_training.config import ModelConfig
from fff_training.export import ExportError, export, run_name
from fff_training.model_card import corpus_table, model_card
from fff_training.plan import PlanError, read_plan
from fff_training.run import Queue
from fff_training.tokenizer import train
from fff_training.trainer import Trainer
from test_tokenizer import TEXTS
from test_training import ALONE
from toy import toy_heldout, toy_settings, toy_shards, toy_store


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained toy run with a tokenizer of its vocabulary's size."""
    folder = tmp_path_factory.mktemp("run")
    tokenizer = train(TEXTS, 240)
    tokenizer.save(str(folder / "tokenizer.json"))
    size = tokenizer.get_vocab_size()
    settings = toy_settings(model={"vocab_size": size, "depth": 4, "trees": 2}, tokens=32 * 16 * 8)
    Trainer(settings, toy_store(), folder, ALONE, toy_heldout()).run()
    return folder


@pytest.fixture(scope="module")
def exported(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exported hub folder."""
    out = tmp_path_factory.mktemp("export") / "model"
    export(finished_run, finished_run / "tokenizer.json", out)
    return out


def rounded(name: str, value: torch.Tensor) -> torch.Tensor:
    """What float16 storage keeps of a tensor; buffers stay float32."""
    return value if name.endswith("norm_factor") else value.half().float()


def test_the_export_is_the_hub_layout_in_half_precision(finished_run: Path, exported: Path) -> None:
    tensors = load_file(str(exported / "model.safetensors"))
    assert "decoder.weight" not in tensors and {
        value.dtype for name, value in tensors.items() if not name.endswith("norm_factor")
    } == {torch.float16}
    config = json.loads((exported / "config.json").read_text("utf-8"))
    assert config["torch_dtype"] == "float16" and config["arch"]["intermed_depth"] == 4
    assert ModelConfig.from_hub(config).trees == 2
    original = load_model(finished_run / "model").state_dict()
    for name, value in load_model(exported).state_dict().items():
        assert torch.equal(value, rounded(name, original[name])), name


def test_the_reference_is_what_our_loader_computes(exported: Path) -> None:
    model = load_model(exported)
    expected = load_file(str(exported / "reference" / "expected.safetensors"))
    cases = json.loads((exported / "reference" / "cases.json").read_text("utf-8"))["cases"]
    assert {"prose", "code", "markdown"} <= set(cases)
    for name, case in cases.items():
        mask = None if case["attention_mask"] is None else torch.tensor(case["attention_mask"])
        found = model.trace(torch.tensor(case["input_ids"]), mask)
        assert case["min_abs_decision_logit"] > 1e-4
        for key in ("layer.0.nodes", "layer.1.nodes"):
            assert torch.equal(found[key], expected[f"{name}.{key}"])
        assert torch.allclose(found["final_norm"], expected[f"{name}.final_norm"], atol=1e-5)
        best = found["mlm_logits"].topk(10, dim=-1)
        assert torch.equal(best.indices.to(torch.int32), expected[f"{name}.mlm_top10_ids"])


def test_the_extension_reproduces_the_export(repository: Path, exported: Path) -> None:
    """The TypeScript runner's ``verify`` where the extension is built; our own loader otherwise (previous test)."""
    cli = repository / "dist" / "cli.js"
    if not cli.exists():
        test_the_reference_is_what_our_loader_computes(exported)
        return
    node = shutil.which("node")
    assert node, "dist/cli.js exists but there is no node to run it."
    command = [node, str(cli), "verify", "--model", str(exported), "--cases", str(exported / "reference/cases.json")]
    command += ["--expected", str(exported / "reference/expected.safetensors")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=80)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]


def test_the_card_has_the_runs_own_numbers(finished_run: Path, exported: Path) -> None:
    card = (exported / "README.md").read_text("utf-8")
    assert "8 steps" in card and "2 trees of depth 4" in card and "on one cpu" in card
    assert "Measured" not in card  # This run was not evaluated.


def test_the_card_shows_evaluation_and_corpus() -> None:
    row = {"loss": 2.345, "top1": 0.5678, "top5": 0.7, "bits_per_character": 0.9, "masks": 1000}
    layer = {"entropy_bits": 9.87, "leaves_reached": 1500.0, "leaves": 2048, "tokens": 100_000}
    evaluation: Dict[str, Any] = {
        "prose": row,
        "short": {"12": {"prose": {**row, "top1": 0.3456}}},
        "usage": [layer],
        "fill_mask": {"lines": 50, "all_top1": 0.5, "all_top5": 0.86},
    }
    evaluation["downstream"] = [{"task": "kind", "labels": 3, "accuracy": 0.9, "majority": 0.4}]
    manifest = {
        "bytes": {"prose.train": 2_000_000},
        "sources": [{"licence": "MIT", "kept_bytes": {"code": 1_500_000}}, {"licence": "GPL"}],
    }
    card = model_card(ModelConfig(), [], evaluation, manifest, "| a |\n")
    for text in (
        "2.345",
        "0.568",
        "9.87",
        "1500 of 2048",
        "86%",
        "prose train 2.0 MB",
        "| MIT | 1 | 1.5 |",
        "12 of 4095",
        "| 12 | 0.346 | - | - |",
    ):
        assert text in card, text
    assert "GPL" not in corpus_table(manifest)


def test_too_large_an_export_is_refused(finished_run: Path, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="over the limit"):
        export(finished_run, finished_run / "tokenizer.json", tmp_path, limit=1000)


def write_plan(path: Path, jobs: Any, **more: Any) -> Path:
    defaults = {k: v for k, v in toy_settings(tokens=32 * 16 * 6).to_dict().items() if k != "model"}
    model = {"vocab_size": 240, "hidden_size": 16, "layers": 1, "heads": 2, "depth": 2, "max_sequence_length": 32}
    document = {
        "defaults": {**defaults, "model": model},
        "jobs": jobs,
        "evaluate": ["--rows", "2", "--usage-tokens", "64", "--seeds", "0"],
        **more,
    }
    path.write_text(json.dumps(document), "utf-8")
    return path


def test_plans_expand_seeds_and_resolve_teachers(tmp_path: Path) -> None:
    jobs = [{"name": "big", "seeds": [1, 2]}, {"name": "small", "teacher": "big", "settings": {"model": {"depth": 4}}}]
    plan = read_plan(write_plan(tmp_path / "plan.json", jobs, ship="small"))
    assert [job.name for job in plan.jobs] == ["big-s1", "big-s2", "small-s1"] and plan.ship == "small-s1"
    settings = plan.jobs[2].settings_for(tmp_path)
    assert (
        settings.teacher == str(tmp_path / "big-s1" / "model")
        and settings.model.depth == 4
        and settings.model.layers == 1
    )
    assert plan.jobs[1].settings_for(tmp_path).seed == 2 and plan.jobs[2].needs == ("big-s1",)
    with pytest.raises(PlanError, match="needs missing"):
        read_plan(write_plan(tmp_path / "bad.json", [{"name": "a", "teacher": "missing"}]))


def test_the_committed_plans_are_valid(repository: Path) -> None:
    plans = sorted((repository / "training" / "plans").glob("*.json"))
    assert "production.json" in [path.name for path in plans]
    for path in plans:
        plan = read_plan(path)
        assert plan.jobs, path
        for job in plan.jobs:
            assert job.settings_for(Path("work")).batch > 0, path


def test_the_queue_runs_jobs_skips_finished_ones_and_copies_results(tmp_path: Path) -> None:
    shards, work, out = toy_shards(tmp_path, TEXTS, train=60, heldout=20), tmp_path / "work", tmp_path / "out"
    jobs = [{"name": "first"}, {"name": "second", "teacher": "first"}]
    size = {"model": {"vocab_size": Tokenizer.from_file(str(tmp_path / "tokenizer.json")).get_vocab_size()}}
    plan = read_plan(write_plan(tmp_path / "plan.json", [{**job, "settings": size} for job in jobs], ship="second"))
    (work / "first-s1").mkdir(parents=True)
    settings = plan.jobs[0].settings_for(work)
    from fff_training.data import TokenStore

    Trainer(settings, TokenStore.load(shards, ALONE.device), work / "first-s1", ALONE, None).run()
    (work / "first-s1" / "done.json").write_text("{}", "utf-8")
    queue = Queue(plan.jobs, shards, work, time.time() + 75, 0)
    queue.run(out, plan.ship, 1e9)
    assert queue.done("second-s1"), (work / "second-s1" / "train.out").read_text("utf-8")[-2000:]
    outputs = "".join(path.read_text("utf-8")[-1500:] for path in sorted((work / "second-s1").glob("*.out")))
    assert json.loads((work / "second-s1" / "done.json").read_text("utf-8"))["status"] == 0, outputs
    evaluation = json.loads((work / "second-s1" / "evaluation.json").read_text("utf-8"))
    assert evaluation["prose"]["masks"] > 0
    restored = join(out, tmp_path / "restored")
    assert restored == ["first-s1", "second-s1"]
    assert (tmp_path / "restored/second-s1/log.jsonl").read_bytes() == (work / "second-s1/log.jsonl").read_bytes()
    assert load_model(tmp_path / "restored/second-s1/model").config.depth == 2


def test_what_runs_found_is_recorded_without_the_machine_s_folders(
    finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs, docs = tmp_path / "runs", tmp_path / "docs"
    shutil.copytree(finished_run, runs / "fff-s1")
    log = (finished_run / "log.jsonl").read_text("utf-8").replace('"teacher": ""', '"teacher": "/tmp/w/big-s1/model"')
    (runs / "fff-s1" / "log.jsonl").write_text(log, "utf-8")
    (runs / "fff-s1" / "evaluation.json").write_text('{"prose":\n{"loss": 1}}', "utf-8")
    kept_bytes = {"prose": 1, "markdown": 0, "code": 2}
    source = {"registry": "npm", "name": "a", "version": "1", "licence": "MIT", "licence_basis": "b", "sha256": "c"}
    nothing = {**source, "name": "empty", "kept_bytes": {"prose": 0, "markdown": 0, "code": 0}}
    manifest = {"sources": [{**source, "kept_bytes": kept_bytes}, nothing]}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    arguments = ["--plan", "toy", "--runs", str(runs), "--docs", str(docs), "--manifest", str(tmp_path / "manifest.json")]
    assert record.main([*arguments, "--log", "fff-s1=fff/8", "--log", "fff-s1=whole"]) == 0
    thin, whole = (
        [json.loads(line) for line in (docs / "logs" / f"{name}.jsonl").read_text("utf-8").splitlines()]
        for name in ("fff", "whole")
    )
    steps = [event["step"] for event in thin if event["event"] == "step"]
    assert steps and all(step % 8 == 0 for step in steps) and len(whole) == len(log.splitlines()) > len(thin)
    assert next(event for event in thin if event["event"] == "start")["settings"]["teacher"] == "big-s1"
    assert (docs / "evaluations" / "toy-fff-s1.json").read_text("utf-8") == '{"prose": {"loss": 1}}\n'
    rows = (docs / "corpus.tsv").read_text("utf-8").splitlines()
    assert rows[2:] == ["npm\ta\t1\tMIT\tb\tc\t1\t0\t2"]
    for wrong, said in (("none-s1=fff", "has no log.jsonl"), ("fff-s1=fff/0", "not 'fff-s1=fff/0'")):
        with pytest.raises(SystemExit):
            record.main([*arguments, "--log", wrong])
        assert said in capsys.readouterr().err


def test_a_run_is_named_by_its_folder_alone() -> None:
    folders = ("/tmp/w/big-s1/model", "models/default/", "C:\\runs\\a-s1\\model", "model", "big-s1", "")
    assert [run_name(folder) for folder in folders] == ["big-s1", "default", "a-s1", "model", "big-s1", ""]


def test_a_model_is_copied_out_in_bounded_parts(finished_run: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    shutil.copytree(finished_run, work / "only-s1")
    names = collect(work, tmp_path / "out", "", part_bytes=4000)
    parts = sorted((tmp_path / "out").glob("model.tar.*"))
    assert len(parts) > 2 and all(part.stat().st_size <= 4000 for part in parts) and "results.tar.xz" in names
    join(tmp_path / "out", tmp_path / "back")
    ours = load_model(tmp_path / "back/only-s1/model").state_dict()
    for name, value in load_model(work / "only-s1/model").state_dict().items():
        assert torch.equal(ours[name], rounded(name, value)), name
