"""The embedded images as files, preprocessed for whatever size a row takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.expected.buildconfig import BuildConfig, CenterCrop, ProcessOp, Resize
from harness.images.preprocessing import digest as pipeline_digest
from harness.images.scenes import VERSION as SCENES_VERSION
from harness.images.sets import embedded_sets
from harness.pipeline.steps import Images
from harness.runtime.identity import code_digest, tools
from harness.runtime.store import JSON, Entry, Key, Store

PURPOSES = ("statistics", "calibration", "evaluation")


@dataclass
class EmbeddedImages:
    """Synthetic scenes under a build config's preprocessing, kept in the store."""

    config: BuildConfig
    store: Store
    _entries: dict[int, Entry] = field(default_factory=dict)

    @property
    def own_size(self) -> int:
        """The input size that the build config is made for, in pixels."""
        return self.config.frontend.input_shape[-1]

    def digest(self, purpose: str, size: int) -> str:
        """Identity of the images of one purpose."""
        return str(self._entry(size).facts[purpose])

    def files(self, size: int) -> Images:
        """The images, preprocessed for an input of this size.

        Seeded weights of reference networks are fitted at the build config's own size, so
        that rows of one network have the same ones.
        """
        entry = self._entry(size)
        return Images(
            statistics=self._entry(self.own_size).file("statistics.npy"),
            calibration=entry.file("calibration.npy"),
            evaluation=entry.file("evaluation.npy"),
        )

    def statistics(self, size: int) -> Path:
        """Images for statistics at a size, for weights that only networks of that size have."""
        return self._entry(size).file("statistics.npy")

    def _entry(self, size: int) -> Entry:
        if size not in self._entries:
            self._entries[size] = self._made(sized(self.config, size))
        return self._entries[size]

    def _made(self, config: BuildConfig) -> Entry:
        key = Key.of(
            "images",
            inputs={"pipeline": pipeline_digest(config.process_ops)},
            options={"scenes": SCENES_VERSION, "calibration": config.calibration_images},
            tools=tools("numpy", "pillow") | {"code": code_digest("images")},
        )

        def produce(folder: Path) -> Mapping[str, JSON]:
            sets = embedded_sets(config)
            facts: dict[str, JSON] = {}
            for purpose in PURPOSES:
                images = getattr(sets, purpose)
                np.save(folder / f"{purpose}.npy", images.images)
                facts[purpose] = images.digest
            return facts

        return self.store.use(key, produce)


def sized(config: BuildConfig, size: int) -> BuildConfig:
    """A build config for another input size, its resize and crop in proportion."""
    own = config.frontend.input_shape[-1]
    if size == own or config.dataset is None:
        return config

    def scaled(op: ProcessOp) -> ProcessOp:
        if isinstance(op, Resize | CenterCrop):
            sides: Any = tuple(round(side * size / own) for side in op.size)
            return replace(op, size=sides)
        return op

    ops = tuple(scaled(op) for op in config.dataset.process_ops)
    shape = (*config.frontend.input_shape[:2], size, size)
    return replace(
        config,
        frontend=replace(config.frontend, input_shape=shape),
        dataset=replace(config.dataset, process_ops=ops),
    )
