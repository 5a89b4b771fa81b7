"""The artifact that lists a space, the seeded draws from it, and the view that encoders take."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.errors import ConfigError
from pipeline.job import Job
from pipeline.spaces import load
from pipeline.spaces import nasbench101 as space
from pipeline.spaces.catalogue import load_space, sampled, write_space


def test_space_artifact(tmp_path):
    cells = space.enumerate_cells()
    path = tmp_path / "space.h5"
    for name in ("space.h5", "again.h5"):
        assert write_space("nasbench101", tmp_path / name, Job("space", {})) == space.SIZE
    assert path.read_bytes() == (tmp_path / "again.h5").read_bytes()
    archs, keys = load_space(path)
    assert np.array_equal(archs.ops, cells.ops) and np.array_equal(keys, space.canonical_key(cells))
    held_out, labelled = sampled(path, 7, 0, 50), sampled(path, 7, 50, 200)
    together = space.canonical_key(sampled(path, 7, 0, 200))
    parts = np.concatenate([space.canonical_key(held_out), space.canonical_key(labelled)])
    assert np.array_equal(together, parts) and len(np.unique(parts)) == 200
    assert not np.array_equal(sampled(path, 8, 0, 50).adj, held_out.adj)
    with pytest.raises(ConfigError, match="423625 were asked for"):
        sampled(path, 7, 0, space.SIZE + 1)


def test_a_space_too_large_to_be_listed_has_a_catalogue_drawn_by_seed(tmp_path):
    job = Job("space", {"space": "darts", "catalogue": 500}, seed=3)
    for name in ("space.h5", "again.h5"):
        assert write_space("darts", tmp_path / name, job) == 500
    assert (tmp_path / "space.h5").read_bytes() == (tmp_path / "again.h5").read_bytes()
    archs, keys = load_space(tmp_path / "space.h5")
    assert len(np.unique(keys)) == 500 and load("darts").validate(archs).all()
    assert np.array_equal(load("darts").from_key(keys).ops, archs.ops)
    write_space("darts", tmp_path / "other.h5", Job("space", job.settings, seed=4))
    assert not np.isin(load_space(tmp_path / "other.h5")[1], keys).any()
    assert len(sampled(tmp_path / "space.h5", 3, 100, 500)) == 400
    with pytest.raises(ConfigError, match="darts has a catalogue of 500 .*, but 501 were .* raise catalogue"):
        sampled(tmp_path / "space.h5", 3, 0, 501)


def test_unknown_space_is_refused():
    with pytest.raises(ConfigError, match="unknown space 'nasbench999'"):
        load("nasbench999")
