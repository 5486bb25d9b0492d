"""How long fuzzing looks: chosen by ``HYPOTHESIS_PROFILE`` or ``--hypothesis-profile``.

Needs Hypothesis, so only suites import it. The profiles are applied to each fuzz test by
:func:`fuzz`; nobody else's tests are changed. ``ci`` is Hypothesis' own name too: here it is
derandomized, so that a release gate says the same twice, and it is what runs where nothing is
chosen.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_QUIET = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

PROFILES: dict[str, settings] = {
    "dev": settings(_QUIET, max_examples=10),
    "ci": settings(_QUIET, max_examples=200, derandomize=True, database=None),
    "nightly": settings(_QUIET, max_examples=10_000, print_blob=True),
}
"""Cases of each of the twelve properties: 120, 2,400 and 120,000 in all, besides named examples.

On one core they take about 3 and 17 seconds and 13 minutes; importing the libraries takes 8 s more.
"""

for _name in ("dev", "nightly"):
    settings.register_profile(_name, PROFILES[_name])


def fuzz() -> settings:
    """The chosen profile, to decorate a test with.

    Raises:
        ValueError: ``HYPOTHESIS_PROFILE`` names none.
    """
    asked = os.environ.get("HYPOTHESIS_PROFILE")
    if asked is not None and asked not in PROFILES:
        raise ValueError(f"HYPOTHESIS_PROFILE is {asked!r}, expected one of {', '.join(PROFILES)}")
    return PROFILES.get(asked or settings.get_current_profile_name(), PROFILES["ci"])
