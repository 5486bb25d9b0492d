"""Throughput in pytest: its options, and each row measured once on each backend."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.expected.baselines import Baseline, speed_file
from harness.judging.verdicts import worst_of
from harness.pipeline.catalogue import DocumentedModel
from harness.pipeline.pipeline import Pipeline
from harness.plugin.options import GATE, Gate
from harness.records import Measurement, Outcome, Verdict
from harness.reporting import machine
from harness.reporting.outline import STAND_IN
from harness.runtime.option_types import count, seconds

if TYPE_CHECKING:  # SciPy and LoadGen: collecting cases does not wait for them
    from harness.throughput.rows import Speeds

LOGS = Path(".zoo") / "throughput"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("zoo throughput", "throughput and latency, with --throughput")
    group.addoption(
        "--throughput",
        action="store_true",
        help="measure throughput and latency too, one row at a time on this machine",
    )
    group.addoption(
        "--rounds",
        type=count,
        default=10,
        metavar="N",
        help="tests of each model in each scenario, in turns with the reference; default: 10",
    )
    group.addoption(
        "--round-seconds",
        type=seconds,
        default=1.0,
        metavar="SECONDS",
        help="at least, for each of these tests; default: 1",
    )
    group.addoption(
        "--job-images",
        type=count,
        default=176,
        metavar="N",
        help="of one job of the vendor's runner; default: 176, as many as it has in flight",
    )
    group.addoption("--throughput-logs", metavar="DIR", help=f"LoadGen's logs; default: {LOGS}")


@dataclass
class Throughputs:
    """Measures each row once on each backend, in all its precisions, and judges them."""

    gate: Gate
    pipeline: Pipeline
    rounds: int
    seconds: float
    job_images: int
    logs: Path
    _speeds: dict[tuple[str, str], Speeds] = field(default_factory=dict)

    def speeds(self, model: DocumentedModel, backend: str) -> Speeds:
        """What LoadGen found.

        Raises:
            Unavailable, StageError: see :func:`harness.throughput.rows.measure_speeds`.
        """
        from harness.throughput.rows import Effort, measure_speeds

        if (model.id, backend) not in self._speeds:
            offered = [one for one in self.gate.backends[backend] if one in self.gate.precisions]
            effort = Effort(rounds=self.rounds, seconds=self.seconds)
            folder = self.logs / f"{model.slug}-{backend}"
            measured = measure_speeds(
                self.pipeline,
                model,
                backend,
                offered,
                effort,
                folder.absolute(),
                job_images=self.job_images,
            )
            self._speeds[model.id, backend] = measured
        return self._speeds[model.id, backend]

    def figures(
        self, model: DocumentedModel, backend: str, precision: str
    ) -> tuple[Measurement, ...]:
        """What is reported and not judged."""
        from harness.judging.throughput import figures

        speeds = self.speeds(model, backend)
        told = {"backend": backend, "precision": precision}
        return tuple(
            one
            for scenario in speeds.scenarios
            for one in figures(speeds.facts, precision, scenario, **told)
        ) + speeds.costs.get(precision, ())

    def ratios(
        self, model: DocumentedModel, backend: str, precision: str
    ) -> tuple[Measurement, ...]:
        """The speed in each scenario, in units of the reference's."""
        from harness.judging.throughput import speed_measurement
        from harness.throughput.rows import REFERENCE

        speeds = self.speeds(model, backend)
        told = {"machine": machine.describe().cpu, "backend": backend, "precision": precision}
        told |= self.pipeline.backend(backend).tools()
        return tuple(
            speed_measurement(speeds.facts, precision, scenario, reference=REFERENCE, **told)
            for scenario in speeds.scenarios
        )

    def verdict(self, ratios: tuple[Measurement, ...], model: DocumentedModel) -> Verdict:
        """Each scenario's speed against the accepted one: the gravest."""
        from harness.judging.throughput import speed_verdict

        found = []
        for ratio in ratios:
            if pretence := self._pretence(ratio.conditions["backend"]):
                found.append(Verdict(Outcome.NOT_MEASURED, pretence))
                continue
            baseline = self._accepted(ratio.conditions["backend"], ratio.conditions["machine"])
            accepted = baseline.accepted(f"{model.id} {ratio.conditions['precision']}", ratio.name)
            found.append(speed_verdict(ratio, accepted))
        return worst_of(found)

    def int8_verdict(self, model: DocumentedModel, backend: str) -> Verdict:
        """Whether int8 is at least as fast as the backend's next precision, offline."""
        from harness.judging.throughput import int8_verdict, paired_ratio, speeds

        facts = self.speeds(model, backend).facts
        if pretence := self._pretence(backend):
            return Verdict(Outcome.NOT_MEASURED, pretence)
        other = "fp32" if "fp32" in self.gate.backends[backend] else "fp16"
        ratio = paired_ratio(
            speeds(facts, "int8", "Offline"), speeds(facts, other, "Offline"), case=model.id
        )
        return int8_verdict(ratio, other=other)

    def _pretence(self, backend: str) -> str:
        """Why the speed of a backend's tools says nothing, or ""."""
        for tool, said in self.pipeline.backend(backend).tools().items():
            if STAND_IN in said.lower():
                return f"{tool} only stands in for the real one, its speed says nothing"
        return ""

    def _accepted(self, backend: str, cpu: str) -> Baseline:
        name = speed_file(Path(), backend=backend, machine=cpu).name
        return self.gate.standards.baselines.get(name, Baseline())


@pytest.fixture(scope="session")
def throughputs(pytestconfig: pytest.Config, pipeline: Pipeline) -> Throughputs:
    """The speed of rows."""
    option = pytestconfig.getoption
    return Throughputs(
        pytestconfig.stash[GATE],
        pipeline,
        option("--rounds"),
        option("--round-seconds"),
        option("--job-images"),
        Path(option("--throughput-logs") or LOGS),
    )
