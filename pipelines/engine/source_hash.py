"""What made a result besides its inputs: the source that could have run, and the packages below it."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from kerasser import resampling

# The wiring (pipelines.engine.component, pipelines.engine.launcher) changes no number, so it is not followed.
FOLLOWED = ("kerasser", "pipelines.components", "pipelines.io")
#: What is told while a component works, or logged beside what it makes, in volatile files: bars, the wording of errors,
#: TensorBoard's pages and pictures. No key holds them. The pictures and pages of a report are what Reporter and
#: Reproducer make, so theirs hold `kerasser.report`, which no other component imports.
UNCOUNTED = (
    "kerasser.util.errors",
    "kerasser.util.progress",
    "kerasser.training.tensorboard",
    "pipelines.io.log_examples",
    "pipelines.io.logs",
)
#: What `progress` is asked for, by how many of their arguments mean more than its looks, and the keyword by which
#: others are told what to call it.
_TOLD = {"bar": 0, "say": 0, "steps": 1}
_BAR_TITLE = "bar_title"
NUMERIC_PACKAGES = ("opensmile", "tensorflow", "keras", "numpy", "scipy", "soundfile", resampling.package())


def package_versions(names: Iterable[str] = NUMERIC_PACKAGES) -> dict[str, str]:
    """Returns the installed version of each package, "absent" if it is not installed."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found


def code_hash(modules: Sequence[str], followed: Sequence[str] = FOLLOWED, uncounted: Sequence[str] = UNCOUNTED) -> str:
    """Hashes what some modules do, and all they import from our own packages.

    What counts is the syntax tree: neither layout and comments nor docstrings, what `raise` and `assert` say, or what
    progress bars are called.

    Imports are read from the source, nothing is imported: those inside functions count; those made by
    `importlib.import_module`, and data files, are not seen. A package's `__init__` counts wherever something below
    it is imported. It is followed only where its own names are used, and where it passes a name on from elsewhere,
    only to there: else every component would reach every reader that `kerasser.corpora` gathers.

    Args:
        modules: Names of modules.
        followed: Packages whose modules are followed.
        uncounted: Modules and packages among them that are not, for they change no result.

    Returns:
        A SHA-256 in hexadecimal.

    Raises:
        ValueError: If one of `modules` has no Python source.
    """
    digest = hashlib.sha256()
    for name, path in sorted(counted(modules, followed, uncounted).items()):
        digest.update(f"{name}\0{meaning(path.read_bytes())}\0".encode())
    return digest.hexdigest()


def counted(
    modules: Sequence[str], followed: Sequence[str] = FOLLOWED, uncounted: Sequence[str] = UNCOUNTED
) -> dict[str, Path]:
    """Returns the file of every module that `code_hash` hashes, by the module's name; arguments are the same."""
    for name in modules:
        if _source(name) is None:
            raise ValueError(f"code_hash: expected the name of a module with Python source. Received: {name!r}")
    sources: dict[str, Path] = {}
    waiting, visited = list(modules), set()
    while waiting:
        name = waiting.pop()
        if name in visited:
            continue
        visited.add(name)
        parts = name.split(".")
        for size in range(1, len(parts) + 1):
            part = ".".join(parts[:size])
            place = _source(part)
            if place is not None and (part == name or (_within(part, followed) and not _within(part, uncounted))):
                sources[part] = place
        if name in sources:
            reached = _reached(name, sources[name], followed)
            waiting += [wanted for wanted in reached if _within(wanted, followed) and not _within(wanted, uncounted)]
    return sources


def members(package: str) -> list[str]:
    """Returns the modules of a package by name, sorted: of a registry that whoever reports on all of them must name.

    Args:
        package: Its name; nothing is imported.
    """
    place = _source(package)
    return sorted(f"{package}.{file.stem}" for file in place.parent.glob("[!_]*.py")) if place else []


@lru_cache(maxsize=1024)
def meaning(source: bytes) -> str:
    """Returns the SHA-256 of what a module does, in hexadecimal: see `code_hash`."""
    tree = _Meaning().visit(ast.parse(source))
    return hashlib.sha256(ast.dump(tree).encode("utf-8", "surrogatepass")).hexdigest()


class _Meaning(ast.NodeTransformer):
    """Takes out of a syntax tree what is there for people."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        """Drops docstrings, those behind assignments too."""
        text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if text else self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        """Drops what the error says."""
        if isinstance(node.exc, ast.Call):
            node.exc = ast.Call(node.exc.func, [], [])
        return self.generic_visit(node)

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        """Drops what the error would say."""
        node.msg = None
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Drops what a progress bar is told."""
        function = node.func
        named = isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name)
        if named and function.value.id == "progress" and function.attr in _TOLD:  # type: ignore[attr-defined]
            node.args, node.keywords = node.args[: _TOLD[function.attr]], []  # type: ignore[attr-defined]
        node.keywords = [keyword for keyword in node.keywords if keyword.arg != _BAR_TITLE]
        return self.generic_visit(node)


def _within(module: str, packages: Sequence[str]) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


def _source(module: str) -> Path | None:
    """Finds a module's file below its top package, which unlike `find_spec` on the whole name imports no parent."""
    top, *rest = module.split(".")
    try:
        spec = find_spec(top)
    except ValueError:
        return None
    if spec is None:
        return None
    if not rest:
        return Path(spec.origin) if spec.origin and spec.origin.endswith(".py") else None
    for location in spec.submodule_search_locations or ():
        place = Path(location, *rest)
        for file in (place / "__init__.py", place.with_name(place.name + ".py")):
            if file.is_file():
                return file
    return None


def _reached(module: str, path: Path, followed: Sequence[str]) -> Iterator[str]:
    """Yields the modules that a module uses."""
    for imported in _imports(module, path):
        if imported.name is None or not _within(imported.module, followed):
            yield imported.module
        else:
            yield _origin(imported.module, imported.name, followed)


def _origin(module: str, name: str, followed: Sequence[str]) -> str:
    """Returns the module that `from module import name` uses: where the name comes from, if that only passes it on."""
    visited = set()
    while (module, name) not in visited:
        visited.add((module, name))
        if _source(f"{module}.{name}") is not None:
            return f"{module}.{name}"
        place = _source(module)
        if place is None or place.name != "__init__.py":
            break
        sources = {found for found in _imports(module, place) if found.bound == name and found.name is not None}
        if len(sources) != 1:
            break
        found = sources.pop()
        if not _within(found.module, followed):
            break
        module, name = found.module, str(found.name)
    return module


class _Import(NamedTuple):
    """`from module import name as bound`; the name is None where the whole module is meant."""

    module: str
    name: str | None
    bound: str | None


def _imports(module: str, path: Path) -> Iterator[_Import]:
    """Yields what a module imports, wherever in its source."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(_parsed(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (_Import(alias.name, None, alias.asname) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            above = parts[: len(parts) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                yield _Import(base, None if alias.name == "*" else alias.name, alias.asname or alias.name)


@lru_cache(maxsize=256)
def _parsed(source: bytes) -> ast.Module:
    """Parses a source once for all the components that reach it."""
    return ast.parse(source)
