"""Plan files: a list of jobs, each a named change of a common recipe, repeated over seeds."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Mapping, Tuple

from .settings import TrainSettings


class PlanError(ValueError):
    """A plan that cannot be run; names job and cause."""


@dataclass(frozen=True)
class Job:
    """One run. ``teacher`` and ``start_from`` name other jobs; ``pausable`` runs go on in the next call."""

    name: str
    values: Mapping[str, Any]
    teacher: str = ""
    start_from: str = ""
    pausable: bool = False
    evaluate: Tuple[str, ...] = ()
    needs: Tuple[str, ...] = field(default=())

    def settings_for(self, work: Path) -> TrainSettings:
        """The recipe with the folders of the jobs it builds on."""
        values = dict(self.values)
        if self.teacher:
            values["teacher"] = str(work / self.teacher / "model")
        if self.start_from:
            values["start_from"] = str(work / self.start_from / "model")
        return TrainSettings.from_dict(values)


@dataclass(frozen=True)
class Plan:
    """Jobs in order, and the name of the one whose model is shipped."""

    jobs: List[Job]
    ship: str


def merge(base: Mapping[str, Any], change: Mapping[str, Any]) -> Dict[str, Any]:
    """``base`` with ``change`` on top; nested objects are merged."""
    merged = dict(base)
    for key, value in change.items():
        merged[key] = (
            merge(merged[key], value) if isinstance(value, dict) and isinstance(merged.get(key), dict) else value
        )
    return merged


def read_plan(path: Path) -> Plan:
    """Reads a plan: ``defaults``, ``jobs`` (name, seeds, settings, teacher, start_from, pausable), ``evaluate``, ``ship``.

    A job with ``seeds`` becomes one job per seed, named ``<name>-s<seed>``; a teacher given without a seed suffix is
    taken with the first seed of that job.

    Raises:
        PlanError: a name used twice, or a teacher that no earlier job provides.
    """
    document = json.loads(path.read_text("utf-8"))
    jobs: List[Job] = []
    first: Dict[str, str] = {}
    for entry in document["jobs"]:
        for seed in entry.get("seeds", [1]):
            name = f"{entry['name']}-s{seed}"
            if any(job.name == name for job in jobs):
                raise PlanError(f"{path}: job {name} is listed twice.")
            values = merge(merge(document.get("defaults", {}), entry.get("settings", {})), {"seed": seed})
            sources: Dict[str, str] = {}
            for role in ("teacher", "start_from"):
                wanted = entry.get(role, "")
                if wanted and wanted not in first:
                    raise PlanError(f"{path}: job {name} needs {wanted}, which no earlier job provides.")
                sources[role] = first.get(wanted, "")
            needs = tuple(sorted({source for source in sources.values() if source}))
            evaluate = tuple(map(str, entry.get("evaluate", document.get("evaluate", []))))
            TrainSettings.from_dict(values)
            jobs.append(
                Job(
                    name,
                    values,
                    sources["teacher"],
                    sources["start_from"],
                    bool(entry.get("pausable")),
                    evaluate,
                    needs,
                )
            )
            first.setdefault(entry["name"], name)
    ship = document.get("ship", "")
    return Plan(jobs, first.get(ship, ship))
