"""tools/mutate: which changes it draws, and that a change that matters is noticed."""

import ast
import importlib.util
import inspect
import linecache
import re
import sys

import pytest

from tests import tools

pytest.importorskip("cosmic_ray", reason="the extra mutation is not installed")


@pytest.fixture(scope="module")
def mutate():
    spec = importlib.util.spec_from_file_location("mutate", tools.ROOT / "tools/mutate.py")
    module = sys.modules["mutate"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_mutant_is_another_program_that_compiles(mutate):
    path = tools.ROOT / "kerasser/attack/budget.py"
    plain = ast.dump(ast.parse(path.read_text()))
    found = list(mutate.mutants(path))
    assert len(found) > 10
    assert all(ast.dump(ast.parse(mutant.source)) != plain for mutant in found)


def test_types_and_decorators_are_left_alone(mutate, tmp_path, monkeypatch):
    monkeypatch.setattr(mutate, "ROOT", tmp_path)
    (tmp_path / "a.py").write_text(
        "@cached(size=1 + 1)\ndef f(x: int | None) -> str | bool:\n    y: int | str = x\n    return y if x < 2 else x\n"
    )
    found = list(mutate.mutants(tmp_path / "a.py"))
    assert {mutant.line for mutant in found} == {4}
    shown = {line.strip() for mutant in found for line in str(mutant).splitlines() if "+" in line}
    assert {"+ return y if x <= 2 else x", "+ return y if x < 3 else x"} <= shown


def test_who_reads_the_source_of_a_changed_function_finds_the_change(mutate, monkeypatch):
    """TensorFlow compiles graphs from it."""
    path = tools.ROOT / "kerasser/noise/gains.py"
    mutant = next(each for each in mutate.mutants(path) if "Add_Sub" in each.operator)
    monkeypatch.delitem(linecache.cache, str(path), raising=False)
    finder = mutate.Finder(mutant)
    module = importlib.util.module_from_spec(finder.find_spec(mutant.module, None))
    finder.exec_module(module)
    functions = [each for each in vars(module).values() if getattr(each, "__module__", "") == mutant.module]
    sources = "".join(inspect.getsource(each) for each in functions if callable(each))
    (wanted,) = (line.strip()[2:] for line in str(mutant).splitlines() if line.strip().startswith("+ "))
    assert wanted in sources
    linecache.cache.pop(str(path))


def test_a_draw_takes_as_many_of_each_room_and_is_repeated_by_its_seed(mutate):
    paths = [tools.ROOT / "kerasser" / name for name in ("attack/budget.py", "noise/gains.py")]
    drawn = mutate.drawn(paths, 10, 1)
    assert [mutant.path.split("/")[1] for mutant in drawn] == ["attack"] * 5 + ["noise"] * 5
    assert drawn == mutate.drawn(paths, 10, 1) != mutate.drawn(paths, 10, 2)


@pytest.mark.slow
def test_a_few_mutants_are_told_from_the_code_as_it_is():
    """Slow: TensorFlow is imported, and the tests of a module run once more for each mutant."""
    result = tools.run("mutate.py", "--mutants", "3", "kerasser/noise/gains.py", timeout=900)
    assert result.returncode == 0, result.stderr
    noticed, of = map(int, re.search(r"^noise: (\d) of (\d) noticed$", result.stdout, re.M).groups())
    assert 2 <= noticed <= of == 3
