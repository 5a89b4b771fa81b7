"""The autoencoders' command in every space: runs, restarts, bytes, and what is refused."""

from __future__ import annotations

from argparse import Namespace

import numpy as np
import pytest
import torch

from pipeline.autoencoders import arch2vec, command
from pipeline.autoencoders.reading import load_encoder
from pipeline.autoencoders.settings import Arch2VecSettings
from pipeline.benchmarks.tables import BenchmarkTable, write_table
from pipeline.errors import DataError, UserError
from pipeline.spaces import load
from pipeline.spaces.archs import Archs
from pipeline.storage.artifacts import get_table, open_h5, put_archs, put_table, write_h5
from tests.unit import trained_networks as trained
from tests.unit.autoencoder_tasks import SMALL, killed_in_epoch

TINY = SMALL | {"hidden_dim": 12, "latent_dim": 4, "epochs": 2, "n_samples": 300}
SHAPES = {"nasbench201": 8 * 4, "darts": 2 * 11 * 4}  # numbers of an embedding


@pytest.fixture(params=SHAPES)
def space(request) -> str:
    return request.param


def table_of(path, archs: Archs) -> None:
    n, ids = len(archs), load(archs.space).cell_ids(archs)
    metrics = {"cifar10/val_acc@1": np.random.default_rng(0).random((n, 1), np.float32)}
    roles = np.array(["labelled"] * (n - 5) + ["held_out"] * 5)
    write_table(path, BenchmarkTable("b", archs, list(ids), roles, metrics, *metrics, None), trained.job())


def make(folder, space: str, out: str = "out.h5", **changes):
    """Return (options, job) of a run on 30 cells, with the artifacts that it reads in `folder`."""
    archs = load(space).sample(30, np.random.default_rng(2))
    table_of(folder / "table.h5", archs)
    space_file = None
    if space == "nasbench201":
        space_file, cells = folder / "space.h5", load(space).sample(600, np.random.default_rng(3))
        with write_h5(space_file, "space", trained.job()) as handle:
            put_archs(handle, cells)
            handle.create_dataset("keys", data=load(space).cell_key(cells))
            put_table(handle, {"index": np.arange(600)})
    settings = Arch2VecSettings(**TINY).model_dump()
    settings |= {"benchmark": "b", "space": space, "name": "arch2vec", "run": 1} | changes
    settings = {k: v for k, v in settings.items() if k not in ("n_seeds", "n_embedded")}
    args = Namespace(
        space_file=space_file,
        benchmark_table=folder / "table.h5",
        io_dataset=None,
        images=None,
        work=folder / "work",
        out=folder / out,
    )
    return args, trained.job("autoencoders", settings)


def test_an_artifact_holds_the_tables_embeddings_and_all_measures(space, tmp_path):
    args, job = make(tmp_path, space)
    command.run(args, job)
    first = args.out.read_bytes()
    command.run(args, job)
    assert args.out.read_bytes() == first
    with open_h5(args.out, "autoencoder") as handle:
        assert handle["embeddings"].shape == (30, SHAPES[space]) and len(get_table(handle)) == 2
        assert handle.attrs["run"] == 1 and handle["smoothness/differences"].shape == (10,)
        for name in ("op_accuracy", "adj_accuracy", "validity", "uniqueness", "unique_cells"):
            assert 0 <= handle.attrs[name] <= 1
        assert 0 < handle.attrs["neighbour_difference"] < 1 and 0 < handle.attrs["random_difference"] < 1
        embeddings = handle["embeddings"][()]
    archs = load(space).sample(30, np.random.default_rng(2))
    np.testing.assert_allclose(load_encoder(args.out).embed(archs), embeddings, atol=1e-6)


def test_runs_differ_in_the_seed_and_not_in_their_cells(space, tmp_path, monkeypatch):
    seen = []

    def fit(task):
        seen.append((task.held_out.ops.clone(), torch.get_rng_state()))
        return arch2vec.Fitted(arch2vec.Arch2Vec(task.cells.ops.max() + 5, task.settings), {}, [{"epoch": 1}])

    monkeypatch.setattr(arch2vec, "fit", fit)
    monkeypatch.setattr(command, "write", lambda *_: None)
    monkeypatch.setattr("pipeline.autoencoders.measures.latent_samples", lambda *_: {})
    for run, name in ((1, "arch2vec"), (2, "arch2vec"), (1, "another")):
        args, job = make(tmp_path, space, run=run, name=name)
        args.work.mkdir(exist_ok=True)
        command.run(args, job)
    (cells, one), (same_cells, two), (_, another) = seen
    assert torch.equal(cells, same_cells) and not torch.equal(one, two)
    assert torch.equal(one, another)  # models of one run start from the same weights


def test_a_killed_run_goes_on_to_the_same_bytes_and_only_its_own_checkpoint(space, tmp_path, monkeypatch):
    whole, job = make(tmp_path, space, "whole.h5")
    command.run(whole, job)
    args, job = make(tmp_path, space)
    killed, calls = killed_in_epoch(2, arch2vec.reconstruction)
    monkeypatch.setattr(arch2vec, "reconstruction", killed)
    with pytest.raises(KeyboardInterrupt):
        command.run(args, job)
    assert (args.work / "checkpoint.pt").exists()
    kept = (args.work / "checkpoint.pt").read_bytes()
    command.run(args, job)
    assert len(calls) == 3 and args.out.read_bytes() == whole.out.read_bytes()
    args.work.mkdir(exist_ok=True)
    (args.work / "checkpoint.pt").write_bytes(kept)
    command.run(
        *make(tmp_path, space, "other.h5", run=2)
    )  # both epochs: a checkpoint of run 1 is not its own
    assert len(calls) == 5


def test_what_is_missing_or_does_not_fit_is_refused(tmp_path):
    args, job = make(tmp_path, "nasbench201")
    args.space_file = None
    with pytest.raises(
        UserError, match="autoencoders: the cells of nasbench201 are needed; give --space-file"
    ):
        command.run(args, job)
    args, job = make(tmp_path, "nasbench201")
    with write_h5(tmp_path / "io.h5", "io_dataset", trained.job()) as handle:
        put_archs(handle, load("darts").sample(3, np.random.default_rng(0)))
    args.io_dataset = tmp_path / "io.h5"
    with pytest.raises(DataError, match="io.h5: holds networks of darts, expected nasbench201"):
        command.run(args, job)
    assert not args.out.exists()
