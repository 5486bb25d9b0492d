"""The profile that is asked for is the one that runs."""

from __future__ import annotations

import pytest
from hypothesis import settings

from harness.images.fuzz_profiles import PROFILES, fuzz


@pytest.mark.parametrize("name", PROFILES)
def test_environment_chooses(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("HYPOTHESIS_PROFILE", name)
    assert fuzz() is PROFILES[name]


@pytest.mark.shows(
    "fuzzing says something else on the next run", by="the gate's profile is derandomized"
)
def test_gate_says_the_same_twice() -> None:
    assert PROFILES["ci"].derandomize
    assert PROFILES["ci"].database is None


def test_ci_runs_where_nothing_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HYPOTHESIS_PROFILE", raising=False)
    if settings.get_current_profile_name() in ("dev", "nightly"):
        pytest.skip("a profile is chosen on the command line")
    assert fuzz() is PROFILES["ci"]


def test_unknown_profile_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYPOTHESIS_PROFILE", "nigthly")
    with pytest.raises(ValueError, match="'nigthly', expected one of dev, ci, nightly"):
        fuzz()
