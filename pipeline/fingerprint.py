"""Which code an artifact depends on, as a hash over syntax trees.

Snakemake does not see that a module behind a rule's command was edited. So each rule carries the
digest of the modules that its command can reach by imports. Comments, docstrings, blank lines and
help texts are left out: editing them makes nothing stale.

Only what is imported is followed. Two refinements keep the closure small:
- a parent package that merely has to be run on the way to a submodule is not followed;
- `from package import name` goes straight to the submodule that the package's `__init__`
  takes `name` from.
Plug-ins that are chosen by name at run time are not seen; the recipe names them (`pipeline.recipes`).
"""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from pathlib import Path

PACKAGE = "pipeline"
ROOT = Path(__file__).resolve().parent.parent
HELP_TEXTS = {"description", "help", "metavar", "examples", "epilog"}  # keywords that only people read


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
        found[name] = _digest(name)
        waiting += _imports(name)
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
def _tree(name: str) -> ast.Module:
    return ast.parse(_file(name).read_bytes())


@cache
def _digest(name: str) -> str:
    """Digest of one module's meaning, and of the data files (templates, styles) beside it."""
    sha = hashlib.sha256(ast.dump(_Meaning().visit(ast.parse(_file(name).read_bytes()))).encode())
    for data in sorted(_file(name).parent.iterdir()):
        if data.is_file() and data.suffix not in (".py", ".pyc") and not data.name.startswith("."):
            sha.update(data.name.encode() + b"\0" + data.read_bytes())
    return sha.hexdigest()[:16]


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


@cache
def _imports(name: str) -> tuple[str, ...]:
    """Modules of the package that a module imports, anywhere in its text."""
    found = []
    for node in ast.walk(_tree(name)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if _ours(alias.name)]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and _ours(node.module):
            found += [_source(node.module, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level:
            raise SyntaxError(f"{name}: relative import in line {node.lineno}; write the package's full name")
    return tuple(dict.fromkeys(found))


def _ours(module: str | None) -> bool:
    return module is not None and module.split(".")[0] == PACKAGE


def _source(module: str, name: str) -> str:
    """The module that `from module import name` takes `name` from."""
    if _file(f"{module}.{name}"):
        return f"{module}.{name}"
    if _file(module) is None:
        raise SyntaxError(f"fingerprint: import of {module}, which is no module of the package")
    if _file(module).name == "__init__.py":
        for node in _tree(module).body:
            if isinstance(node, ast.ImportFrom) and _ours(node.module):
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        return _source(node.module, alias.name)
    return module
