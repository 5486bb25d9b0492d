"""Speed and latency: what is told of them, and whether a model is as fast as it was.

``ratios``: one subject's speed in another's, and its noise. ``figures``: LoadGen's facts as
measurements. ``verdicts``: against the accepted figure, and int8 against fp32.
"""

from harness.judging.throughput.figures import figures, ratio_of, speed_measurement, speeds
from harness.judging.throughput.ratios import Ratio, paired_ratio
from harness.judging.throughput.verdicts import acceptable, int8_verdict, speed_verdict

__all__ = [
    "Ratio",
    "acceptable",
    "figures",
    "int8_verdict",
    "paired_ratio",
    "ratio_of",
    "speed_measurement",
    "speed_verdict",
    "speeds",
]
