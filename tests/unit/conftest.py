"""What several files of unit tests are given."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """The artifacts around a few trained networks, made once and to be read only."""
    from tests.unit import trained_networks

    return trained_networks.make(tmp_path_factory.mktemp("trained"))
