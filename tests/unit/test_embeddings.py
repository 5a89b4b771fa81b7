"""Embeddings of whole spaces: written, read by cell, neighbours, what is refused; smoothness."""

from __future__ import annotations

import shutil
from argparse import Namespace

import numpy as np
import pytest
import torch

from pipeline.autoencoders import command, embeddings_command
from pipeline.autoencoders.embeddings import AT_ONCE, Embeddings
from pipeline.autoencoders.neighbours import nearest, smoothness
from pipeline.autoencoders.reading import Encoder, load_encoder
from pipeline.autoencoders.settings import GraphSettings
from pipeline.autoencoders.vae import Arch2Vec
from pipeline.benchmarks.tables import BenchmarkTable, load_table, write_table
from pipeline.errors import ArtifactError, DataError, UserError
from pipeline.spaces import darts, nasbench201
from pipeline.spaces.catalogue import load_space
from pipeline.storage.artifacts import get_archs, open_h5
from tests.unit import trained_networks as trained
from tests.unit.autoencoder_tasks import arguments


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Artifacts with a trained autoencoder, and embeddings of its space."""
    files = trained.make(tmp_path_factory.mktemp("trained"))
    args, job = arguments(files, files.folder, "arch2vec")
    command.run(args, job)
    embeddings_command.run(embed_arguments(files), embed_job())
    return files


def embed_arguments(files, **changes) -> Namespace:
    given = {
        "autoencoder_file": files.arch2vec,
        "space_file": files.space,
        "benchmark_table": files.table,
        "out": files.embeddings,
    }
    return Namespace(**given | changes)


def embed_job(**changes):
    settings = {"benchmark": "tiny", "space": "nasbench101", "name": "arch2vec", "run": 1}
    return trained.job("embeddings", settings | changes)


def test_every_cell_of_the_space_is_found_by_its_key(files):
    space, _ = load_space(files.space)
    encoder = load_encoder(files.arch2vec)
    with Embeddings(files.embeddings, files.arch2vec, files.table) as embeddings:
        assert len(embeddings) == 500 and embeddings.n_features == 112
        assert (np.diff(embeddings.keys.astype(np.int64)) > 0).all()
        np.testing.assert_allclose(embeddings.of(space), encoder.embed(space), atol=1e-5)
        some = embeddings.rows_of(space[[7, 3, 7]])
        assert some[0] == some[2]
        np.testing.assert_array_equal(
            embeddings.read(some), np.stack([embeddings.read([r])[0] for r in some])
        )
        again = embeddings.rows_of(embeddings.archs(some))
        np.testing.assert_array_equal(again, some)


def test_the_same_bytes_again_and_the_tables_embeddings_are_the_same(files, tmp_path):
    embeddings_command.run(embed_arguments(files, out=tmp_path / "again.h5"), embed_job())
    assert (tmp_path / "again.h5").read_bytes() == files.embeddings.read_bytes()
    with open_h5(files.arch2vec) as handle, Embeddings(files.embeddings) as embeddings:
        np.testing.assert_allclose(embeddings.of(get_archs(handle)), handle["embeddings"][()], atol=1e-5)


def test_nearest_cells_and_those_that_are_skipped(files):
    with Embeddings(files.embeddings) as embeddings:
        points = embeddings.read(np.arange(500))
        rows, distances = embeddings.nearest(points[[4, 9]] + 1e-4, 3)
        plain = np.linalg.norm(points.astype(np.float64) - points[9] - 1e-4, axis=1)
        np.testing.assert_array_equal(rows[1], np.argsort(plain)[:3])
        np.testing.assert_allclose(distances[1], np.sort(plain)[:3], rtol=1e-3, atol=1e-6)
        skip = np.zeros(500, bool)
        skip[rows[:, 0]] = True
        without, _ = embeddings.nearest(points[[4, 9]] + 1e-4, 2, skip)
        np.testing.assert_array_equal(without, rows[:, 1:])


def test_nearest_over_blocks_is_nearest_over_all():
    rng = np.random.default_rng(0)
    points, queries = rng.integers(0, 3, (50, 4)).astype(float), rng.integers(0, 3, (700, 4)).astype(float)
    plain = np.linalg.norm(queries[:, None] - points[None], axis=2)
    expected = np.argsort(plain, axis=1, kind="stable")[:, :6]  # many ties: the first ones count
    for size in (7, 50):
        rows, _ = nearest(queries, (points[i : i + size] for i in range(0, 50, size)), 6)
        np.testing.assert_array_equal(rows, expected)
    rows, distances = nearest(queries[:1], [points[:2]], 3)
    assert rows[0, 2] == -1 and np.isinf(distances[0, 2])


def test_embeddings_of_another_autoencoder_or_table_are_refused(files, tmp_path):
    other = tmp_path / "other.h5"
    for role, wrong in (("autoencoder", files.table), ("table", files.arch2vec)):
        shutil.copy(wrong, other)
        with pytest.raises(
            ArtifactError, match=f"made from another {role} than .*other.h5 is now; make them"
        ):
            Embeddings(files.embeddings, **{role: other})
    with pytest.raises(ArtifactError, match="holds 'benchmark', expected 'embeddings'"):
        Embeddings(files.table)


def test_cells_without_an_embedding_are_named(files):
    from tests.unit.predictor_cells import some_cells

    cells = some_cells(600)
    with Embeddings(files.embeddings) as embeddings:
        with pytest.raises(DataError, match="no embedding of 100 of 600 cells, first of [0-9a-f]{32}"):
            embeddings.rows_of(cells)
        with pytest.raises(DataError, match="holds cells of nasbench101, but these are of nasbench201"):
            embeddings.of(nasbench201.sample(3, np.random.default_rng(0)))


def test_what_is_missing_or_of_another_space_is_refused(files, tmp_path):
    with pytest.raises(UserError, match="the cells of nasbench101 are needed; give --space-file"):
        embeddings_command.run(embed_arguments(files, space_file=None), embed_job())
    darts_table(tmp_path / "darts.h5", 5)
    args = embed_arguments(files, benchmark_table=tmp_path / "darts.h5", out=tmp_path / "no.h5")
    with pytest.raises(
        DataError, match="holds cells of darts, but the autoencoder was trained on nasbench101"
    ):
        embeddings_command.run(args, embed_job())
    assert not args.out.exists()


def darts_table(path, n: int) -> None:
    archs = darts.sample(n, np.random.default_rng(1))
    metrics = {"cifar10/val_acc@1": np.linspace(0.9, 0.95, n, dtype=np.float32)[:, None]}
    roles, ids = np.array(["labelled"] * n), darts.cell_ids(archs)
    write_table(path, BenchmarkTable("d", archs, list(ids), roles, metrics, *metrics, None), trained.job())


def test_of_a_space_without_a_list_a_sample_and_the_tables_cells(tmp_path, monkeypatch):
    darts_table(tmp_path / "darts.h5", 20)
    torch.manual_seed(0)
    vae = Arch2Vec(11, GraphSettings(hidden_dim=8, latent_dim=2)).eval()
    monkeypatch.setattr(
        "pipeline.autoencoders.reading.load_encoder", lambda *_: Encoder("darts", vae, torch.device("cpu"))
    )
    args = Namespace(
        autoencoder_file=tmp_path / "darts.h5",
        space_file=None,
        benchmark_table=tmp_path / "darts.h5",
        out=tmp_path / "e.h5",
    )
    embeddings_command.run(args, embed_job(space="darts", n_embedded=AT_ONCE + 10))
    with Embeddings(args.out) as embeddings:
        assert len(embeddings) == AT_ONCE + 30 and embeddings.n_features == 2 * 11 * 2
        known = load_table(args.benchmark_table).archs
        np.testing.assert_allclose(
            embeddings.of(known), Encoder("darts", vae, torch.device("cpu")).embed(known), atol=1e-6
        )


def test_smoothness_against_a_plain_version():
    rng = np.random.default_rng(0)
    latents, accuracies = rng.normal(size=(60, 3)), rng.random(60)
    measures, differences = smoothness(latents, accuracies)
    plain = np.linalg.norm(latents[:, None] - latents[None], axis=2)
    np.fill_diagonal(plain, np.inf)
    around = accuracies[np.argsort(plain, axis=1)[:, :10]]
    np.testing.assert_allclose(differences, np.abs(around - accuracies[:, None]).mean(axis=0))
    pairs = np.abs(accuracies[:, None] - accuracies[None])[~np.eye(60, dtype=bool)]
    assert measures["random_difference"] == pytest.approx(pairs.mean())
    assert measures["neighbour_difference"] == pytest.approx(differences.mean())
    centred = accuracies - accuracies.mean()
    weights = np.zeros((60, 60))
    np.put_along_axis(weights, np.argsort(plain, axis=1)[:, :10], 0.1, axis=1)
    moran = (centred @ weights @ centred) / (centred @ centred)  # the weights of a row add up to one
    assert measures["neighbour_correlation"] == pytest.approx(moran)
    smooth, _ = smoothness(latents, latents[:, 0] * 0.1)
    assert smooth["neighbour_correlation"] > 0.5 > abs(measures["neighbour_correlation"])
    assert smooth["neighbour_difference"] < 0.5 * smooth["random_difference"]


def test_smoothness_of_few_and_of_equal_cells():
    measures, differences = smoothness(np.zeros((20, 2)), np.arange(20) / 20)
    assert len(differences) == 10 and np.isfinite(list(measures.values())).all()
    measures, differences = smoothness(np.eye(4), np.full(4, 0.5))
    assert len(differences) == 3 and measures["random_difference"] == 0
    assert np.isnan(measures["neighbour_correlation"])
