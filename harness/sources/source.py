"""What a source library declares about itself, so that nobody else has to ask which one it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from harness.images.pipelines.catalogue import ImagePipeline
from harness.sources.network import Framework

USUAL_OPSET = 11  # what the zoo's own export commands ask for, but for PaddleClas'
Statistics = Literal["fractions", "levels"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source library. Targets are ``module`` or ``module:attribute``, imported when first used.

    Attributes:
        networks: the module that builds its networks (:class:`harness.sources.network.Adapter`).
        distributions: the packages that its networks depend on, besides torch, timm and NumPy.
        framework: what its networks are objects of.
        aliases: what else pages call it, without case and separators.
        repositories: ``owner/name`` on GitHub, in lower case, of today and before.
        weights_in_names: a part of a model's name that says which weights and not which network,
            by the library's own documentation; matched at either end.
        models: the class that knows its names and variants, a ``Library`` of
            :mod:`harness.sources.choices`; without one a row stands for the model of its name.
        published: the module that reads published accuracies from the installed package
            (:class:`harness.sources.published.Reader`).
        table: the module with a table of results that the package does not carry
            (:class:`harness.sources.published.Table`).
        results_table: whether it publishes tables of results as CSV with timm's columns.
        pipelines: how the library prepares images, as the accuracies were measured.
        statistics: how the vendor's run-time files of its models have mean and deviation.
        rules: the counting rules that its tables are made with, the likeliest first.
        documented_opset: what the zoo's export command asks for.
        names_opset: whether its pages name that opset, so that all has to be written at it.
        torchscript: whether its rows are exported to TorchScript.
        external_parameters: whether the export that is compiled has its parameters added apart.
        output_name: what an export's output is called.
        converted_weights: whether its weights are also published as safetensors.
        weights: ``module:function`` from a variant to the published file, as a URL or a path.
        synsets: ``package:file`` of ImageNet's synsets in class order, where its package has it.
    """

    networks: str
    distributions: tuple[str, ...]
    framework: Framework = "torch"
    aliases: tuple[str, ...] = ()
    repositories: tuple[str, ...] = ()
    weights_in_names: re.Pattern[str] | None = None
    models: str = ""
    published: str = ""
    table: str = ""
    results_table: bool = False
    pipelines: tuple[ImagePipeline, ...] = ()
    statistics: Statistics = "fractions"
    rules: tuple[str, ...] = ()
    documented_opset: int = USUAL_OPSET
    names_opset: bool = False
    torchscript: bool = True
    external_parameters: bool = False
    output_name: str = "output"
    converted_weights: bool = False
    weights: str = ""
    synsets: str = ""

    @property
    def publishes(self) -> bool:
        """Whether its accuracies are known at all."""
        return bool(self.published or self.table)
