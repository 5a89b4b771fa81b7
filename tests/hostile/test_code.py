"""No module of the project calls what can run code that a file brings along."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILTINS = {"eval", "exec", "compile", "__import__"}
FORBIDDEN = {
    "pickle.load", "pickle.loads", "pickle.Unpickler", "cPickle.load", "cPickle.loads", "dill.load",
    "dill.loads", "cloudpickle.load", "cloudpickle.loads", "joblib.load", "marshal.load", "marshal.loads",
    "shelve.open", "os.system", "os.popen", "yaml.load", "yaml.load_all", "yaml.full_load",
    "yaml.unsafe_load",
    "yaml.Loader", "yaml.FullLoader", "yaml.UnsafeLoader", "pandas.read_pickle", "pandas.read_hdf",
    "torch.jit.load", "torch.hub.load", "torch.package.PackageImporter", "shutil.unpack_archive",
    "numpy.ctypeslib.load_library", "runpy.run_path", "pyarrow.deserialize",
}  # fmt: skip
SHORT = {"np": "numpy", "pd": "pandas", "pa": "pyarrow"}
METHODS = {"extractall"}  # of archives; they would be written to disk by the names that stand in them
H5 = {
    "pipeline/storage/artifacts.py",
    "pipeline/staleness/freshness.py",
}  # open HDF5 files; all others ask `open_h5`


def wrong_calls(source: str, name: str = "") -> list[str]:
    """Return the calls and names in a module that could run what a file says."""
    tree, full, found = ast.parse(source), {}, []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            full |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            full |= {
                alias.asname or alias.name.split(".")[0]: alias.name for alias in node.names if alias.asname
            }
    for node in ast.walk(tree):
        dotted = _dotted(node, full)
        if dotted in FORBIDDEN:
            found.append(f"{node.lineno}: {dotted}")
        if isinstance(node, ast.Call):
            found += [f"{node.lineno}: {what}" for what in _wrong_call(node, _dotted(node.func, full), name)]
    return found


def _wrong_call(call: ast.Call, dotted: str, name: str):
    given = {k.arg: k.value.value for k in call.keywords if k.arg and isinstance(k.value, ast.Constant)}
    if dotted in BUILTINS:
        yield dotted
    if dotted == "torch.load" and given.get("weights_only") is not True:
        yield "torch.load without weights_only=True"
    if dotted == "numpy.load" and given.get("allow_pickle") is not False:
        yield "numpy.load without allow_pickle=False"
    if given.get("allow_pickle") or given.get("shell"):
        yield f"{dotted} with allow_pickle or shell"
    if dotted.startswith("subprocess.getoutput") or dotted.rpartition(".")[2] in METHODS:
        yield dotted
    if dotted == "h5py.File" and name not in H5:
        yield "h5py.File instead of open_h5"


def _dotted(node: ast.AST, full: dict[str, str]) -> str:
    """Return a name with its module, such as `numpy.load`; empty for what is no plain name."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ".".join(["?", *parts[::-1]]) if parts else ""
    first = full.get(node.id, SHORT.get(node.id, node.id))
    return ".".join([first, *parts[::-1]])


def test_no_module_runs_what_a_file_says():
    files = [*(ROOT / "pipeline").rglob("*.py"), *(ROOT / "envs").rglob("*.py")]
    assert len(files) > 200
    found = {}
    for file in files:
        name = str(file.relative_to(ROOT))
        if wrong := wrong_calls(file.read_text(), name):
            found[name] = wrong
    assert not found


@pytest.mark.parametrize(
    "line",
    [
        "import pickle\npickle.load(f)",
        "from pickle import loads as l\nl(f)",
        "import pickle as p\nclass U(p.Unpickler): pass",
        "import torch\ntorch.load(f)",
        "import torch\ntorch.load(f, weights_only=False)",
        "import numpy as np\nnp.load(f)",
        "import numpy as np\nnp.load(f, allow_pickle=True)",
        "from numpy import load\nload(f, allow_pickle=flag)",
        "import yaml\nyaml.load(t, yaml.SafeLoader)",
        "eval('1')",
        "exec(text)",
        "import os\nos.system('x')",
        "import subprocess\nsubprocess.run('x', shell=True)",
        "tarfile.open(f).extractall()",
        "import h5py\nh5py.File(f)",
        "import pandas as pd\npd.read_pickle(f)",
    ],
)
def test_such_calls_are_found(line):
    assert wrong_calls(line)


def test_calls_that_only_look_like_them_are_not():
    fine = (
        "import re, torch, numpy as np, yaml\nre.compile('x')\nmodel.eval()\nyaml.safe_load(t)\n"
        "torch.load(f, weights_only=True)\nnp.load(f, allow_pickle=False)"
    )
    assert not wrong_calls(fine)
