"""Image files for tests: small archives in the official CIFAR layout, written quickly."""

from __future__ import annotations

import hashlib
import io
import pickle
import tarfile
from pathlib import Path

import numpy as np

CIFAR10_NAME, CIFAR100_NAME = "cifar-10-python.tar.gz", "cifar-100-python.tar.gz"
CIFAR10_CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
BATCHES = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]


def spots(n: int, n_classes: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return images uint8 (n, 3, 32, 32) and labels (n,): noise with a bright spot whose place is the class.

    Every class comes equally often (±1), in random order. A small network learns them in a few epochs.
    """
    labels = rng.permutation(np.arange(n) % n_classes)
    images = rng.integers(0, 100, (n, 3, 32, 32), dtype=np.uint8)
    side = int(np.ceil(np.sqrt(n_classes)))
    step = 32 // side
    for label in range(n_classes):
        y, x = step * (label // side), step * (label % side)
        images[labels == label, :, y : y + step, x : x + step] += 120
    return images, labels


def cifar10_contents(n_per_batch: int = 60, seed: int = 0) -> dict[str, dict]:
    """Return {file of the archive: its dict}: five training batches, the test batch, batches.meta."""
    rng = np.random.default_rng(seed)
    contents = {}
    for name in BATCHES:
        images, labels = spots(n_per_batch, 10, rng)
        contents[name] = batch(images, {"labels": labels.tolist()}, name)
    names = {"num_cases_per_batch": n_per_batch, "label_names": CIFAR10_CLASSES, "num_vis": 3072}
    return contents | {"batches.meta": names}


def cifar100_contents(n_train: int = 300, n_test: int = 100, seed: int = 0) -> dict[str, dict]:
    """Return {file of the archive: its dict}: train, test, meta."""
    rng = np.random.default_rng(seed)
    contents = {}
    for name, n in (("train", n_train), ("test", n_test)):
        images, labels = spots(n, 100, rng)
        labels = {"fine_labels": labels.tolist(), "coarse_labels": (labels % 20).tolist()}
        contents[name] = batch(images, labels, name)
    names = {
        f"{kind}_label_names": [f"{kind}{i}" for i in range(n)] for kind, n in (("fine", 100), ("coarse", 20))
    }
    return contents | {"meta": names}


def batch(images: np.ndarray, labels: dict, name: str) -> dict:
    """Return a batch's dict of images uint8 (n, 3, 32, 32) and its lists of labels."""
    filenames = [f"{name}_{i:05d}.png" for i in range(len(images))]
    return {"batch_label": name, **labels, "data": images.reshape(len(images), -1), "filenames": filenames}


def write_cifar10(folder: Path, n_per_batch: int = 60, seed: int = 0) -> Path:
    """Write `cifar-10-python.tar.gz` with 5 * n_per_batch training and n_per_batch test images."""
    return write_archive(Path(folder) / CIFAR10_NAME, cifar10_contents(n_per_batch, seed))


def write_cifar100(folder: Path, n_train: int = 300, n_test: int = 100, seed: int = 0) -> Path:
    """Write `cifar-100-python.tar.gz`."""
    return write_archive(Path(folder) / CIFAR100_NAME, cifar100_contents(n_train, n_test, seed))


def write_archive(path: Path, contents: dict[str, dict | bytes], folder: str | None = None) -> Path:
    """Write dicts (pickled as Python 2 did) and raw bytes as files of a .tar.gz."""
    if folder is None:
        folder = "cifar-100-python" if "100" in path.name else "cifar-10-batches-py"
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for name, content in contents.items():
            raw = pickled(content) if isinstance(content, dict) else content
            info = tarfile.TarInfo(f"{folder}/{name}" if folder else name)
            info.size = len(raw)
            archive.addfile(info, io.BytesIO(raw))
    return path


def md5(path: Path) -> str:
    """Return a file's MD5 in hexadecimal digits."""
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def pickled(content: dict) -> bytes:
    """Return a dict as Python 2 pickled it with protocol 2: texts are byte strings, so is an array's data.

    Values: text, bytes, arrays, and what Python 3 pickles the same way (numbers, lists of numbers).
    """
    out = io.BytesIO()
    out.write(b"\x80\x02}(")
    for key, value in content.items():
        _put(out, key)
        _put(out, value)
    out.write(b"u.")
    return out.getvalue()


def _put(out: io.BytesIO, value) -> None:
    if isinstance(value, str | bytes):
        raw = value.encode() if isinstance(value, str) else value
        short = len(raw) < 256
        out.write((b"U" + bytes([len(raw)]) if short else b"T" + len(raw).to_bytes(4, "little")) + raw)
    elif isinstance(value, list) and any(isinstance(item, str) for item in value):
        out.write(b"](")
        for item in value:
            _put(out, item)
        out.write(b"e")
    elif isinstance(value, np.ndarray):
        _put_array(out, value)
    else:
        out.write(pickle.dumps(value, protocol=2)[2:-1])


def _put_array(out: io.BytesIO, array: np.ndarray) -> None:
    order, code = array.dtype.str[0], array.dtype.str[1:]
    out.write(b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01")
    out.write(pickle.dumps(array.shape, protocol=2)[2:-1])
    out.write(b"cnumpy\ndtype\n")
    _put(out, code)
    out.write(b"K\x00K\x01\x87R(K\x03")
    _put(out, order)
    out.write(b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89")
    _put(out, array.tobytes())
    out.write(b"tb")
