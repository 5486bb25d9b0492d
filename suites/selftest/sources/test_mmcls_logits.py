"""mmpretrain's classifiers give logits, with a neck and without one."""

from __future__ import annotations

import pytest
import torch
from torch import nn

pytestmark = pytest.mark.filterwarnings("ignore")  # what libraries say while they are imported


class Classifier(nn.Module):
    """The parts of an mmpretrain classifier, of which the neck may be missing."""

    def __init__(self, neck: nn.Module | None) -> None:
        super().__init__()
        self.backbone, self.neck, self.head = nn.ReLU(), neck, nn.Flatten()


@pytest.mark.parametrize(("neck", "factor"), [(None, 1), (nn.Upsample(scale_factor=2), 4)])
def test_logits_pass_through_all_parts_that_there_are(neck: nn.Module | None, factor: int) -> None:
    from harness.sources.mmcls.networks import Logits

    logits = Logits(Classifier(neck))(torch.ones(2, 3, 2, 2))
    assert logits.shape == (2, 12 * factor)
