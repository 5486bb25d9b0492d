"""The profile that is asked for is the one that runs."""

from __future__ import annotations

import pytest
from hypothesis import settings

from harness.images.fuzz_profiles import PROFILES, fuzz


@pytest.mark.parametrize("name", PROFILES)
def test_environment_chooses(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("HYPOTHESIS_PROFILE", name)
    assert fuzz() is PROFILES[name]


def test_gate_says_the_same_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HYPOTHESIS_PROFILE", raising=False)
    monkeypatch.setattr(settings, "get_current_profile_name", lambda: "default")
    assert fuzz() is PROFILES["ci"]
    assert fuzz().derandomize
    assert fuzz().database is None


def test_unknown_profile_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYPOTHESIS_PROFILE", "nigthly")
    with pytest.raises(ValueError, match="'nigthly', expected one of dev, ci, nightly"):
        fuzz()
