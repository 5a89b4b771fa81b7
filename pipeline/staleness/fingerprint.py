"""Which code an artifact depends on, as a hash over syntax trees.

Snakemake does not see that a module behind a rule's command was edited. So each rule carries the
digest of the modules that its command can reach by imports. Comments, docstrings, blank lines and
help texts are left out: editing them makes nothing stale.

Only what is imported is followed. Two refinements keep the closure small:
- a parent package that merely has to be run on the way to a submodule is not followed;
- `from package import name` goes straight to the submodule that the package's `__init__`
  takes `name` from.
Plug-ins that are chosen by name at run time are not seen; the recipe names them
(`pipeline.staleness.recipes`).
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import platform
import secrets
from contextlib import suppress
from functools import cache
from pathlib import Path

PACKAGE = "pipeline"
ROOT = Path(__file__).resolve().parents[2]
HELP_TEXTS = {"description", "help", "metavar", "examples", "epilog"}  # keywords that only people read
_unsaved: set[str] = set()  # modules that were read in this process


def closure(entries) -> dict[str, str]:
    """Return {module: digest} of everything reachable from the modules `entries`, sorted by name.

    Raises KeyError for an entry that is no module of the package.
    """
    found: dict[str, str] = {}
    waiting = list(entries)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        if _file(name) is None:
            raise KeyError(f"fingerprint: no module {name} in {ROOT}")
        found[name] = _module(name)["digest"]
        waiting += _imports(name)
    _remember()
    return dict(sorted(found.items()))


def digest(modules: dict[str, str]) -> str:
    """Return one short digest for what `closure` returned."""
    lines = "\n".join(f"{name} {value}" for name, value in sorted(modules.items()))
    return hashlib.sha256(lines.encode()).hexdigest()[:16]


@cache
def _file(name: str) -> Path | None:
    path = ROOT.joinpath(*name.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def source_file(module: str) -> str:
    """Return the module's file relative to the project's root, for people."""
    path = _file(module)
    return str(path.relative_to(ROOT)) if path else module.replace(".", "/") + ".py"


@cache
def _module(name: str) -> dict:
    """Return what a module's text says, from the memory of an earlier process where the text is the same.

    {digest: of its meaning and of the data files (templates, styles) beside it, imports: [[module, name]] of
    the package, name null for `import module`, exports: {name: [module, name]} that its body imports}
    """
    file = _file(name)
    beside = [f for f in sorted(file.parent.iterdir()) if f.is_file() and f.suffix not in (".py", ".pyc")]
    data = [f.name.encode() + b"\0" + f.read_bytes() for f in beside if not f.name.startswith(".")]
    content = [file.read_bytes(), *data]
    key = hashlib.sha256(b"\0".join([_reader(), *content])).hexdigest()
    known = _memory().get(name)
    if not isinstance(known, dict) or known.get("key") != key:
        tree = ast.parse(content[0])
        imports, exports = _named(name, tree)
        meaning = ast.dump(_Meaning().visit(tree)).encode()
        digest = hashlib.sha256(b"".join([meaning, *data])).hexdigest()[:16]
        known = {"key": key, "digest": digest, "imports": imports, "exports": exports}
        _memory()[name] = known
        _unsaved.add(name)
    return known


@cache
def _reader() -> bytes:
    """What a reading of a text depends on: this module, and Python, whose trees differ by version."""
    return platform.python_version().encode() + Path(__file__).read_bytes()


def _memory_file() -> Path:
    return ROOT / PACKAGE / "__pycache__" / "fingerprints.json"


@cache
def _memory() -> dict[str, dict]:
    """What earlier processes read; parsing all modules takes a second, at every start and in every job."""
    try:
        known = json.loads(_memory_file().read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _remember() -> None:
    """Save what was read anew; where that is not allowed, the next process reads it again."""
    if not _unsaved:
        return
    _unsaved.clear()
    part = _memory_file().with_name(f"fingerprints.{secrets.token_hex(6)}.part")
    try:
        part.parent.mkdir(exist_ok=True)
        part.write_text(json.dumps(_memory()))
        os.replace(part, _memory_file())
    except OSError:
        with suppress(OSError):
            part.unlink()


class _Meaning(ast.NodeTransformer):
    """Leave out what does not change results: docstrings and texts for people."""

    def generic_visit(self, node):
        super().generic_visit(node)
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [
                n for n in body if not (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant))
            ]
        return node

    def visit_Call(self, node):
        self.generic_visit(node)
        node.keywords = [k for k in node.keywords if k.arg not in HELP_TEXTS]
        return node


def _named(module: str, tree: ast.Module) -> tuple[list, dict]:
    """Return what a module imports of the package, anywhere in its text, and what its body imports."""
    found, exports = [], {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [[alias.name, None] for alias in node.names if _ours(alias.name)]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and _ours(node.module):
            found += [[node.module, alias.name] for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level:
            raise SyntaxError(
                f"{module}: relative import in line {node.lineno}; write the package's full name"
            )
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and _ours(node.module):
            for alias in node.names:
                exports.setdefault(alias.asname or alias.name, [node.module, alias.name])
    return found, exports


@cache
def _imports(name: str) -> tuple[str, ...]:
    """Modules of the package that a module imports."""
    named = _module(name)["imports"]
    return tuple(dict.fromkeys(_source(m, what) if what else m for m, what in named))


def _ours(module: str | None) -> bool:
    return module is not None and module.split(".")[0] == PACKAGE


def _source(module: str, name: str) -> str:
    """The module that `from module import name` takes `name` from."""
    if _file(f"{module}.{name}"):
        return f"{module}.{name}"
    if _file(module) is None:
        raise SyntaxError(f"fingerprint: import of {module}, which is no module of the package")
    if _file(module).name == "__init__.py" and name in _module(module)["exports"]:
        return _source(*_module(module)["exports"][name])
    return module
