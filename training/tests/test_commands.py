"""The commands say in one sentence what is missing or what failed, and compare what was recorded."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import pytest

from fff_training import compare, export, run
from fff_training.corpus.clean import DOMAINS
from fff_training.plan import read_plan
from test_export import write_plan
from test_tokenizer import TEXTS
from toy import toy_shards


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Token shards of a few sentences."""
    return toy_shards(tmp_path_factory.mktemp("shards"), TEXTS, train=60)


def run_command(plan: Path, shards: Path, folder: Path) -> List[str]:
    """Arguments of ``run`` on the CPU."""
    places = ["--shards", str(shards), "--work", str(folder / "work"), "--out", str(folder / "out")]
    return ["--plan", str(plan), *places, "--minutes", "2", "--gpus", "0"]


def test_a_failed_job_is_named_with_its_cause_and_tried_again(
    shards: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = write_plan(tmp_path / "plan.json", [{"name": "broken", "settings": {"teacher": str(tmp_path / "nobody")}}])
    for _ in range(2):
        assert run.main(run_command(plan, shards, tmp_path)) == 1
        told = capsys.readouterr()
        assert json.loads(told.out.splitlines()[-1]) == {"left": [], "failed": ["broken-s1"]}
        assert told.err.startswith("broken-s1 failed: ") and "nobody" in told.err and "train.out" in told.err
    output = (tmp_path / "work" / "broken-s1" / "train.out").read_text("utf-8")
    assert output.count("Traceback") == 2


def test_a_job_that_builds_on_a_failed_one_is_left(shards: Path, tmp_path: Path) -> None:
    jobs = [{"name": "broken", "settings": {"teacher": str(tmp_path / "nobody")}}, {"name": "next", "teacher": "broken"}]
    plan = read_plan(write_plan(tmp_path / "plan.json", jobs))
    queue = run.Queue(plan.jobs, shards, tmp_path / "work", time.time() + 120, 0)
    queue.run(tmp_path / "out", "", 1e9)
    assert list(queue.failed) == ["broken-s1"] and not queue.done("next-s1")


def missing_shards(folder: Path) -> List[str]:
    return run_command(write_plan(folder / "plan.json", [{"name": "fff"}]), folder, folder)


def missing_plan(folder: Path) -> List[str]:
    return run_command(folder / "plan.json", folder, folder)


def missing_run(folder: Path) -> List[str]:
    return ["--run", str(folder / "nobody"), "--shards", str(folder), "--out", str(folder / "model")]


@pytest.mark.parametrize(
    "main,arguments,sentence",
    [
        (run.main, missing_shards, "shards.json is missing: build the corpus first"),
        (run.main, missing_plan, "plan.json"),
        (export.main, missing_run, "config.json is missing: name a finished run"),
        (compare.main, lambda folder: [str(folder)], "there is no <run>/evaluation.json in"),
        (compare.main, lambda folder: [str(folder), "--plan", "parity"], "there is no parity-<run>.json in"),
    ],
)
def test_what_is_missing_is_said_in_one_sentence(
    main: Callable[[Optional[List[str]]], int],
    arguments: Callable[[Path], List[str]],
    sentence: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments(tmp_path))
    assert stopped.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert sentence in last, last


def test_recorded_evaluations_of_a_plan_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def write(name: str, loss: float) -> None:
        scores = {"loss": loss, "top1": 0.5, "bits_per_character": 1.0}
        evaluation: Dict[str, Any] = {"parameters": 1e6, "active_neurons": 12, **dict.fromkeys(DOMAINS, scores)}
        (tmp_path / name).write_text(json.dumps(evaluation), "utf-8")

    for name, loss in (("dense16-s1", 3.0), ("dense4095-s1", 2.0), ("fff-s1", 2.8), ("fff-s2", 2.4)):
        write(f"parity-{name}.json", loss)
    write("production-fff-s1.json", 9.0)
    assert compare.main([str(tmp_path), "--plan", "parity"]) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| fff ")]
    assert len(rows) == 1 and "| 2 |" in rows[0] and "2.600 ± 0.200" in rows[0] and "40%, 40%, 40%" in rows[0]
