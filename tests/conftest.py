"""Settings of all tests."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# No deadline: a first call may compile a kernel.  Derandomized: a test that fails here fails
# anywhere; `--hypothesis-profile=search` looks for new examples.
settings.register_profile(
    "ci", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("search", deadline=None, max_examples=2000)
settings.load_profile("ci")
