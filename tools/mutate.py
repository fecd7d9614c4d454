"""Draws mutants of kerasser with Cosmic Ray's operators and runs the tests of the mutated module against each.

Cosmic Ray would start an interpreter for each mutant, and TensorFlow takes longest to start. Here a process that has
imported the libraries, but nothing of kerasser, forks for each: the child finds the mutated module in the place of the
real one, and no file is changed.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import linecache
import os
import random
import re
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import ndiff
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.util import spec_from_loader
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator

ROOT = Path(__file__).parents[1]
ROOMS = ("attack", "noise", "evaluation", "models", "training")
# One wrong operator for each right one, and both neighbours of a comparison: ten of a kind teach no more.
_SWAPS = {
    "Binary": ("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "FloorDiv_Div", "Mod_Mul", "Pow_Mul", "BitOr_BitAnd"),
    "Comparison": (
        *("Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt", "Lt_GtE", "LtE_Gt", "Gt_LtE", "GtE_Lt"),
        *("Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is"),
    ),
    "Unary": ("Delete_Not", "USub_UAdd"),
}
_OPERATORS = (
    *(f"Replace{kind}Operator_{swap}" for kind, swaps in _SWAPS.items() for swap in swaps),
    *("AddNot", "ReplaceTrueWithFalse", "ReplaceFalseWithTrue", "ReplaceAndWithOr", "ReplaceOrWithAnd"),
    *("ReplaceBreakWithContinue", "ReplaceContinueWithBreak", "NumberReplacer", "ZeroIterationForLoop"),
)
# What tests import and forked processes need not import again; not Hypothesis, whose plugin pytest imports itself.
_LIBRARIES = (
    *("numpy", "scipy.signal", "scipy.stats", "pandas", "sklearn.gaussian_process", "statsmodels.stats.multitest"),
    *("tensorflow", "keras", "audmetric", "soundfile", "opensmile", "jsonargparse"),
)
# Sizes of type and margins of pictures, which people look at.
_DRAWN = ("pictures.py",)
# Of the time without a mutant; what never ends is noticed too.
_PATIENCE, _LEAST_S = 3.0, 30.0


@dataclass(frozen=True)
class Mutant:
    """One small change.

    Attributes:
        path: Of the module, relative to the checkout.
        operator: Cosmic Ray's name of the change.
        occurrence: Which of the places where the operator applies.
        line: Where, from 1.
    """

    path: str
    operator: str
    occurrence: int
    line: int

    @property
    def module(self) -> str:
        """Its name for an import."""
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def source(self) -> str:
        """The module with the change."""
        return mutate_code(
            (ROOT / self.path).read_text(encoding="utf-8"), get_operator(self.operator)(), self.occurrence
        )

    def __str__(self) -> str:
        before, after = (ROOT / self.path).read_text(encoding="utf-8"), self.source
        changed = [line for line in ndiff(before.splitlines(), after.splitlines()) if line[:2] in ("- ", "+ ")]
        return "\n".join([f"{self.path}:{self.line}", *(f"    {line[:2]}{line[2:].strip()}" for line in changed)])


def mutants(path: Path) -> Iterator[Mutant]:
    """Yields what can be changed in a module, but for types and decorators: what they change, mypy or speed tells."""
    source = path.read_text(encoding="utf-8")
    nodes, left_out = list(ast_nodes(get_ast(source))), list(_left_out(ast.parse(source)))
    for name in _OPERATORS:
        operator = get_operator(f"core/{name}")()
        places = (place for node in nodes for place in operator.mutation_positions(node))
        for occurrence, (start, _) in enumerate(places):
            if not any(first <= start < last for first, last in left_out):
                yield Mutant(path.relative_to(ROOT).as_posix(), f"core/{name}", occurrence, start[0])


def _left_out(tree: ast.AST) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Yields begin and end, as line and column, of annotations, decorators and what only a type checker reads."""
    for node in ast.walk(tree):
        parts: list[Any] = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        parts += getattr(node, "decorator_list", [])
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            parts.append(node)
        for part in parts:
            if isinstance(part, ast.AST):
                yield (part.lineno, part.col_offset), (part.end_lineno, part.end_col_offset)  # type: ignore[attr-defined]


def tests_of(path: Path) -> list[str]:
    """Returns the files of tests that mirror a module: of its room, named after it, then those that import it."""
    relative = path.relative_to(ROOT / "kerasser")
    room, stem = relative.parts[0], path.stem
    imported = re.compile(rf"kerasser\.{room}[\w.]*\.{stem}\b|from kerasser\.{room}[\w.]* import .*\b{stem}\b")
    files = sorted((ROOT / "tests" / room).rglob("test_*.py"))
    named = [file for file in files if file.stem == f"test_{stem}"]
    others = [file for file in files if file not in named and imported.search(file.read_text(encoding="utf-8"))]
    return [file.relative_to(ROOT).as_posix() for file in (*named, *others)]


class Finder(MetaPathFinder, InspectLoader):
    """Finds a mutated module in the place of the real one."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant, self._source = mutant, mutant.source

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> Any:
        """Returns where the mutant is, if it is asked for."""
        if fullname == self._mutant.module:
            place = str(ROOT / self._mutant.path)
            return spec_from_loader(fullname, self, origin=place, is_package=place.endswith("__init__.py"))
        return None

    def get_source(self, fullname: str) -> str:
        """Returns the mutant."""
        return self._source

    def exec_module(self, module: Any) -> None:
        """Runs the mutant as the module."""
        place = module.__file__ = str(ROOT / self._mutant.path)
        # TensorFlow compiles functions of a graph from what stands in their file, which is the code without the change.
        linecache.cache[place] = (len(self._source), None, self._source.splitlines(keepends=True), place)
        exec(compile(self._source, place, "exec"), module.__dict__)


def passes(tests: Sequence[str], mutant: Mutant | None, limit_s: float | None = None) -> bool:
    """Returns whether tests pass with a mutant, in a process of its own.

    Args:
        tests: Their files.
        mutant: The change; None for the code as it is.
        limit_s: After which they have failed.
    """
    child = os.fork()
    if not child:
        _child(tests, mutant)
    end = None if limit_s is None else time.monotonic() + limit_s
    while True:
        done, status = os.waitpid(child, os.WNOHANG if end else 0)
        if done:
            return status == 0
        if end and time.monotonic() > end:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return False
        time.sleep(0.05)


def _child(tests: Sequence[str], mutant: Mutant | None) -> None:
    os.setsid()
    status = 1
    try:
        with tempfile.TemporaryFile() as quiet:
            for stream in (1, 2):
                os.dup2(quiet.fileno(), stream)
            sys.dont_write_bytecode = True
            if mutant:
                sys.meta_path.insert(0, Finder(mutant))
            arguments = ["-x", "-q", "-m", "not slow", "-p", "no:cacheprovider", "--hypothesis-seed=0"]
            status = int(pytest.main([*arguments, *tests]))
    finally:
        os._exit(status)


def drawn(paths: Sequence[Path], count: int, seed: int) -> list[Mutant]:
    """Returns as many mutants of each room, as far as it has them."""
    rooms: dict[str, list[Mutant]] = defaultdict(list)
    for path in paths:
        rooms[path.relative_to(ROOT).parts[1]] += mutants(path)
    share = -(-count // len(rooms))
    generator = random.Random(seed)
    return [each for found in rooms.values() for each in generator.sample(found, min(share, len(found)))]


def main() -> None:
    """Prints what becomes of each mutant, and the shares."""
    parser = argparse.ArgumentParser(prog="tools/mutate", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="modules; all of the rooms without them")
    parser.add_argument("--mutants", type=int, default=60, help="how many are drawn, as many of each room")
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    parser.add_argument("--rooms", nargs="+", default=ROOMS, choices=ROOMS, help="folders of kerasser")
    chosen = parser.parse_args()
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    found = [path for room in chosen.rooms for path in sorted((ROOT / "kerasser" / room).rglob("*.py"))]
    found = [path for path in found if path.name not in _DRAWN]
    paths = [path.resolve() for path in chosen.files] or [path for path in found if tests_of(path)]
    for path in found if not chosen.files else ():
        if not tests_of(path) and any(mutants(path)):
            print(f"{path.relative_to(ROOT)}: no test names it; left out", flush=True)
    for library in _LIBRARIES:
        importlib.import_module(library)
    limits: dict[tuple[str, ...], float | None] = {}
    noticed: dict[str, list[bool]] = defaultdict(list)
    for mutant in drawn(paths, chosen.mutants, chosen.seed):
        tests = tuple(tests_of(ROOT / mutant.path))
        if tests not in limits:
            start = time.monotonic()
            fine = bool(tests) and passes(tests, None)
            limits[tests] = _LEAST_S + _PATIENCE * (time.monotonic() - start) if fine else None
            if not fine:
                print(f"{mutant.path}: left out, its tests fail without a mutant: {' '.join(tests)}", flush=True)
        if (limit := limits[tests]) is None:
            continue
        survived = passes(tests, mutant, limit)
        noticed[mutant.path.split("/")[1]].append(not survived)
        print(f"survived {mutant}" if survived else f"noticed {mutant.path}:{mutant.line}", flush=True)
    for room, each in noticed.items():
        print(f"{room}: {sum(each)} of {len(each)} noticed")
    every = [one for each in noticed.values() for one in each]
    print(f"all: {sum(every)} of {len(every)} noticed, {100 * sum(every) / max(1, len(every)):.0f} %")


if __name__ == "__main__":
    main()
