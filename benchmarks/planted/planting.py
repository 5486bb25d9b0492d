"""Changing an installed library in every process of a run, without a word to the suite.

Python imports ``sitecustomize`` before anything else; the one that is written here waits for a
module of a library and changes it as soon as it has been imported.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from benchmarks.planted.faults.fault import Fault

PLANTS: Final = Path(__file__).with_name("plants")

_SITE: Final = """
import importlib.abc
import importlib.util
import sys

INTO, KIND, PLANT, OPTIONS, PLANTS = {arguments}


def planting():
    found = importlib.util.spec_from_file_location("plants", PLANTS + "/__init__.py")
    package = sys.modules["plants"] = importlib.util.module_from_spec(found)
    found.loader.exec_module(package)
    return getattr(importlib.import_module("plants." + KIND), PLANT)


class Waiting(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name != INTO:
            return None
        others = [one for one in sys.meta_path if one is not self]
        spec = next(filter(None, (one.find_spec(name, path, target) for one in others)), None)
        if spec is not None:
            run = spec.loader.exec_module

            def run_and_change(module):
                run(module)
                planting()(module, *OPTIONS)

            spec.loader.exec_module = run_and_change
        return spec


sys.meta_path.insert(0, Waiting())
"""


def planted(fault: Fault, folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment in which a library has the fault, by way of an empty folder."""
    environment = {**environment, **dict(fault.environment)}
    if not fault.plant:
        return environment
    kind, _, plant = fault.plant.partition(".")
    arguments = json.dumps([fault.into, kind, plant, fault.options, str(PLANTS)])
    site = folder / "sitecustomize.py"
    site.write_text(_SITE.format(arguments=arguments), encoding="utf-8")
    return {**environment, "PYTHONPATH": f"{folder}:{environment.get('PYTHONPATH', '')}".strip(":")}
