"""When to measure what: warm-up until the drift is small, then rounds in which every engine gives one sample.

The order of a round is random and the next round runs it backwards, so that no engine always follows the same neighbour.
A sample is a burst of calls after a short untimed lead-in. A round in which the machine slept is thrown away.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from statistics import median
from typing import Callable, List, Protocol, Tuple


class Subject(Protocol):
    """Something that takes time."""

    def burst(self, units: int) -> float:
        """Microseconds for so many units."""
        ...


@dataclass(frozen=True)
class Limits:
    """The extension's limits of the same names; seconds, and milliseconds where the name says so."""

    minimum_pairs: int = 30
    minimum_seconds: float = 3.0
    slow_pair_seconds: float = 0.3
    slow_pairs: int = 7
    drift_tolerance: float = 0.05
    warmup_seconds: float = 0.2
    burst_ms: float = 5.0
    lead_ms: float = 1.0
    call_seconds: float = 5.0
    total_seconds: float = 85.0


@dataclass
class Measured:
    """Samples are (round, microseconds a unit); ``failure`` is one sentence where it stopped working."""

    name: str
    subject: Subject
    samples: List[Tuple[int, float]] = field(default_factory=list)
    units: int = 1
    unit_us: float = 0.0
    settled: bool = False
    failure: str = ""


@dataclass(frozen=True)
class Outcome:
    """``ended``: ``complete``, or ``budget`` where time was up before the rounds were."""

    rounds: int
    interruptions: int
    ended: str


def measure(
    measured: List[Measured], limits: Limits, seed: int, deadline: float, progress: Callable[[str], None]
) -> Outcome:
    """Fills in the samples. ``deadline`` on ``time.monotonic``'s scale."""
    for one in measured:
        progress("warming up")
        _guarded(one, lambda one=one: _warm_up(one, limits))  # type: ignore[misc]
    order: List[Measured] = []
    generator = random.Random(seed)
    started, rounds, interruptions = time.monotonic(), 0, 0
    while True:
        living = [one for one in measured if not one.failure]
        elapsed = time.monotonic() - started
        slow = 2 * max((one.units * one.unit_us for one in living), default=0) / 1e6 > limits.slow_pair_seconds
        enough = rounds >= limits.slow_pairs if slow else rounds >= limits.minimum_pairs and elapsed >= limits.minimum_seconds  # fmt: skip
        if not living or enough:
            return Outcome(rounds, interruptions, "complete")
        if time.monotonic() > deadline and rounds >= limits.slow_pairs:
            return Outcome(rounds, interruptions, "budget")
        if rounds % 2 == 0:
            order = generator.sample(measured, len(measured))
        else:
            order.reverse()
        skew = time.time() - time.monotonic()
        for one in order:
            if not one.failure:
                _guarded(one, lambda one=one: _sample(one, rounds, limits))  # type: ignore[misc]
        if abs(time.time() - time.monotonic() - skew) > 1:
            interruptions += 1
            for one in measured:
                one.samples = [sample for sample in one.samples if sample[0] != rounds]
        rounds += 1
        progress("measuring")


def _warm_up(one: Measured, limits: Limits) -> None:
    units, microseconds = 1, one.subject.burst(1)
    while microseconds < limits.burst_ms * 1e3:
        # At most tenfold: first calls are slower than the rest and would lead to samples far too short.
        units = min(units * 10, max(units + 1, int(units * limits.burst_ms * 1e3 / max(microseconds, 1e-3)) + 1))
        microseconds = one.subject.burst(units)
    one.units = units
    started, previous = time.monotonic(), float("nan")
    window = 1 if microseconds > 1e5 else 3
    while not one.settled and (time.monotonic() - started < limits.warmup_seconds or previous != previous):
        current = median(one.subject.burst(units) for _ in range(window))
        one.settled = abs(current / previous - 1) < limits.drift_tolerance
        previous = current
    one.unit_us = previous / units


def _sample(one: Measured, number: int, limits: Limits) -> None:
    if one.unit_us < limits.lead_ms * 1e3:
        one.subject.burst(int(limits.lead_ms * 1e3 / one.unit_us) + 1)
    one.samples.append((number, one.subject.burst(one.units) / one.units))


def _guarded(one: Measured, action: Callable[[], None]) -> None:
    """An engine that fails is left out from there on; the others go on."""
    try:
        action()
    except RuntimeError as error:
        one.failure = str(error).splitlines()[0]
