"""The vendor's compiler and runner, driven through their command lines.

``compiling`` drives ``vamc``, ``running`` drives ``vamp``; what both need is in ``toolchain``,
``processes``, ``diagnosis`` and ``workspaces``. ``cards`` shares the cards of a machine between
processes, ``matching`` sees to it that no image is judged by another's answer, ``runtime_file``
writes the run-time preprocessing that goes with a build config, ``whole_images`` gives the device
images as they are.
"""

from harness.backends.vendor.cards import Cards
from harness.backends.vendor.compiling import (
    CalibrationFolder,
    Compiled,
    build_config,
    compile_model,
)
from harness.backends.vendor.running import CompiledModel, Jobs, LevelsSession, RunnerOutputs
from harness.backends.vendor.runtime_file import runtime_text
from harness.backends.vendor.toolchain import Toolchain, Versions, find_toolchain, versions

__all__ = [
    "CalibrationFolder",
    "Cards",
    "Compiled",
    "CompiledModel",
    "Jobs",
    "LevelsSession",
    "RunnerOutputs",
    "Toolchain",
    "Versions",
    "build_config",
    "compile_model",
    "find_toolchain",
    "runtime_text",
    "versions",
]
