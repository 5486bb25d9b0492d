"""Accuracy against its claim, and int8 against fp32, with the risks of each verdict stated.

:mod:`claims`       a measured share against the documented one
:mod:`pairs`        images that one half gets right and the other does not
:mod:`fixed`        int8 against fp32 on a number of images chosen beforehand
:mod:`sequential`   the same, image after image, until the verdict stands
:mod:`draws`        in which order images are evaluated
:mod:`blame`        documented, fp32, int8: which half broke
:mod:`flips`        the images whose answer changed

A hit is true or false, so nothing here can be NaN but the percentages given to :mod:`blame`.
"""
