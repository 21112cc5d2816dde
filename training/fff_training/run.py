"""Runs a plan of experiments back to back: ``python -m fff_training.run --plan plans/production.json --shards DIR``.

Each job is a training process followed by its evaluation; jobs are spread over the GPUs. The same command goes on where
it stopped: finished jobs are skipped, paused ones resume exactly, failed ones are tried again. Every few minutes the
logs, the evaluations and the best exportable model so far are copied to the output folder in parts of bounded size, so
that nothing is lost when the machine goes away.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Dict, List, Optional

from .collect import collect
from .plan import Job, read_plan
from .shards import unpack_all
from .train import PAUSED

MARGIN_SECONDS = 20.0
"""Kept free before the end for the last evaluation and copy."""


class Queue:
    """Jobs, their folders and the clock.

    Args:
        jobs: in order; a job may name jobs it needs finished.
        shards: token shards.
        work: folder of run folders; survives between calls.
        end: ``time.time()`` at which everything must be copied out.
        gpus: jobs at a time; 0 means one job on the CPU.
    """

    def __init__(self, jobs: List[Job], shards: Path, work: Path, end: float, gpus: int) -> None:
        self.jobs, self.shards, self.work, self.end, self.gpus = jobs, shards, work, end, gpus
        self.lock = threading.Lock()
        self.running: Dict[str, int] = {}
        self.failed: Dict[str, Path] = {}
        """Jobs that failed in this call, with the output of the step that did."""
        work.mkdir(parents=True, exist_ok=True)

    def left(self) -> float:
        """Seconds until training must stop."""
        return self.end - MARGIN_SECONDS - time.time()

    def done(self, name: str) -> bool:
        """Whether a job was trained and evaluated."""
        path = self.work / name / "done.json"
        return path.exists() and json.loads(path.read_text("utf-8")).get("status", 0) == 0

    def next_job(self) -> Optional[Job]:
        """The first job that is neither done nor running, did not fail, and whose needs are done."""
        with self.lock:
            for job in self.jobs:
                if self.done(job.name) or job.name in self.running or job.name in self.failed:
                    continue
                if all(self.done(need) for need in job.needs):
                    self.running[job.name] = 1
                    return job
        return None

    def train(self, job: Job, gpu: int) -> None:
        """Trains and evaluates one job; notes how it ended unless it was paused or ran out of time."""
        folder = self.work / job.name
        folder.mkdir(parents=True, exist_ok=True)
        settings = job.settings_for(self.work)
        (folder / "settings.json").write_text(json.dumps(settings.to_dict(), indent=1), "utf-8")
        stop = "--pause-at" if job.pausable else "--deadline"
        command = [sys.executable, "-m", "fff_training.train", "--shards", str(self.shards), "--out", str(folder)]
        command += [
            "--settings",
            str(folder / "settings.json"),
            stop,
            str(self.end - MARGIN_SECONDS),
            "--allow-missing",
        ]
        status, trained, output = 0, folder / "trained.json", folder / "train.out"
        if not trained.exists():
            status = self._call(command, output, gpu, self.left() + MARGIN_SECONDS)
        if status == PAUSED:
            return
        if status == 0:
            trained.write_text("{}\n", "utf-8")
            command = [sys.executable, "-m", "fff_training.evaluate", "--model", str(folder / "model")]
            command += ["--shards", str(self.shards), "--out", str(folder / "evaluation.json"), *job.evaluate]
            output = folder / "evaluate.out"
            status = self._call(command, output, gpu, self.end - time.time())
            if status == PAUSED:
                return
        if status != 0:
            self.failed[job.name] = output
        (folder / "done.json").write_text(json.dumps({"status": status, "time": time.time()}) + "\n", "utf-8")
        print(json.dumps({"job": job.name, "status": status, "left_seconds": round(self.left())}), flush=True)

    def _call(self, command: List[str], log: Path, gpu: int, seconds: float) -> int:
        path = os.pathsep.join(
            filter(None, [str(Path(__file__).resolve().parents[1]), os.environ.get("PYTHONPATH", "")])
        )
        environment = dict(os.environ, PYTHONUNBUFFERED="1", PYTHONPATH=path)
        if self.gpus:
            environment["CUDA_VISIBLE_DEVICES"] = visible_name(gpu, os.environ.get("CUDA_VISIBLE_DEVICES", ""))
        with log.open("ab") as handle:
            try:
                return subprocess.run(
                    command, stdout=handle, stderr=subprocess.STDOUT, env=environment, timeout=max(5.0, seconds)
                ).returncode
            except subprocess.TimeoutExpired:
                return PAUSED

    def worker(self, gpu: int) -> None:
        """Takes jobs until there are none or the time is spent."""
        while self.left() > 15.0:
            job = self.next_job()
            if job is None:
                if not self.running:
                    return
                time.sleep(1.0)
                continue
            try:
                self.train(job, gpu)
            finally:
                with self.lock:
                    self.running.pop(job.name, None)

    def run(self, out: Path, ship: str, copy_seconds: float) -> None:
        """Runs all workers, copying results out every ``copy_seconds`` and at the end."""
        workers = [threading.Thread(target=self.worker, args=(gpu,), daemon=True) for gpu in range(max(1, self.gpus))]
        for worker in workers:
            worker.start()
        copied = time.time()
        while any(worker.is_alive() for worker in workers) and time.time() < self.end - 5.0:
            time.sleep(0.5)
            if time.time() - copied >= copy_seconds:
                copied = time.time()
                collect(self.work, out, ship)
        collect(self.work, out, ship)


def visible_name(gpu: int, visible: str) -> str:
    """The name of the ``gpu``-th device among those this process may see, so that two plans can share a machine.

    >>> visible_name(1, "2,3"), visible_name(1, "")
    ('3', '1')
    """
    names = [name for name in visible.split(",") if name]
    return names[gpu] if gpu < len(names) else str(gpu)


def main(arguments: Optional[List[str]] = None) -> int:
    """Command line; returns 0 when every job is done, 75 when some are left, 1 when one failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan", type=Path, required=True)
    parser.add_argument("--shards", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="run folders; keep it between calls")
    parser.add_argument("--out", type=Path, required=True, help="where results are copied")
    parser.add_argument("--minutes", type=float, default=9.0, help="time for this call")
    parser.add_argument("--gpus", type=int, default=-1, help="jobs at a time; default: the GPUs there are")
    parser.add_argument("--copy-seconds", type=float, default=120.0)
    options = parser.parse_args(arguments)
    end = time.time() + 60.0 * options.minutes
    try:
        plan = read_plan(options.plan)
        tokens = unpack_all(options.shards, allow_missing=True)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    gpus = options.gpus
    if gpus < 0:
        import torch

        gpus = torch.cuda.device_count()
    print(json.dumps({"tokens": tokens, "jobs": [job.name for job in plan.jobs], "gpus": gpus}), flush=True)
    queue = Queue(plan.jobs, options.shards, options.work, end, gpus)
    queue.run(options.out, plan.ship, options.copy_seconds)
    left = [job.name for job in plan.jobs if not queue.done(job.name) and job.name not in queue.failed]
    print(json.dumps({"left": left, "failed": list(queue.failed)}), flush=True)
    for name, output in queue.failed.items():
        print(f"{name} failed: {last_line(output)} (all of it in {output}; the same command tries again)", file=sys.stderr)
    return 1 if queue.failed else PAUSED if left else 0


def last_line(path: Path) -> str:
    """The last line of a process's output that says something, or "it said nothing"."""
    lines = [line.strip() for line in path.read_text("utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


if __name__ == "__main__":
    raise SystemExit(main())
