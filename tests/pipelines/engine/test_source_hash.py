"""An edit changes the hash of what can reach it, and of nothing else."""

import itertools
import pkgutil
import re
import shutil
import sys
from pathlib import Path

import pytest

import kerasser
import pipelines
from kerasser import resampling
from pipelines import components
from pipelines.components.reporter import ReporterExecutor
from pipelines.components.reproducer import ReproducerExecutor
from pipelines.engine import source_hash
from pipelines.engine.source_hash import UNCOUNTED, code_hash, counted, meaning, members, package_versions

TREE = {
    "toylib/__init__.py": "",
    "toylib/errors.py": "class Wrong(ValueError): ...",
    "toylib/deep.py": "X = 1",
    "toylib/used.py": "from toylib.deep import X",
    "toylib/late.py": "Y = 1",
    "toylib/unused.py": "Z = 1",
    "toylib/readers/__init__.py": "from . import one, two\nfrom .base import Base\nfrom os import sep\nREADERS = [one]",
    "toylib/readers/base.py": "class Base: ...",
    "toylib/readers/one.py": "from ..errors import Wrong",
    "toylib/readers/two.py": "",
    "toysteps/__init__.py": "raise RuntimeError('a hash imports nothing')",
    "toysteps/train.py": "import json\nfrom toylib import used\ndef do():\n    import toylib.late\n    import no_such",
    "toysteps/read.py": "from toylib.readers import READERS",
    "toysteps/base.py": "from toylib.readers import Base",
    "toysteps/sep.py": "from toylib.readers import sep\nfrom toylib.errors import *\nfrom toylib.used import X as Y",
    "toysteps/other.py": "import outside",
    "outside.py": "import toylib.unused",
}
_numbers = itertools.count()


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """The tree under package names of its own, since an interpreter remembers where it found a package."""
    suffix = str(next(_numbers))

    def renamed(text):
        return text.replace("toylib", "toylib" + suffix).replace("toysteps", "toysteps" + suffix)

    for name, source in TREE.items():
        path = tmp_path / renamed(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(renamed(source))
    monkeypatch.syspath_prepend(tmp_path)

    class Tree:
        followed = (renamed("toylib"), renamed("toysteps"))

        def hash(self, module):
            return code_hash([renamed(module)], self.followed)

        def edit(self, name, text=None):
            path = tmp_path / renamed(name)
            path.write_text(path.read_text() + ("\nEDITED = True" if text is None else text))

    yield Tree()
    assert not [name for name in sys.modules if name.startswith(Tree.followed)], "nothing should be imported"


@pytest.mark.parametrize(
    ("module", "reached"),
    [
        (
            "toysteps.train",
            {"__init__", "used", "deep", "late", "toysteps/train", "toysteps/__init__"},
        ),
        (
            "toysteps.read",
            {
                *("__init__", "errors", "readers/__init__", "readers/base", "readers/one", "readers/two"),
                *("toysteps/read", "toysteps/__init__"),
            },
        ),
        ("toysteps.base", {"__init__", "readers/__init__", "readers/base", "toysteps/base", "toysteps/__init__"}),
        (
            "toysteps.sep",
            {
                *("__init__", "errors", "used", "deep", "toysteps/sep", "toysteps/__init__"),
                *("readers/__init__", "readers/base", "readers/one", "readers/two"),
            },
        ),
        ("toysteps.other", {"toysteps/other", "toysteps/__init__"}),
    ],
)
def test_exactly_what_can_be_reached_counts(tree, module, reached):
    reached = {(name if "toysteps" in name else f"toylib/{name}") + ".py" for name in reached}
    assert reached <= set(TREE)
    for name in TREE:
        before = tree.hash(module)
        tree.edit(name)
        assert (tree.hash(module) != before) == (name in reached), name


def test_the_hash_is_stable_and_tells_modules_apart(tree):
    assert tree.hash("toysteps.train") == tree.hash("toysteps.train")
    assert tree.hash("toysteps.train") != tree.hash("toysteps.other")


@pytest.mark.parametrize("name", ["no_such_module_at_all", "sys", "kerasser.no_such_module"])
def test_a_module_without_source_is_refused(name):
    with pytest.raises(ValueError, match=f"expected the name of a module with Python source. Received: '{name}'"):
        code_hash([name])


def test_a_script_is_refused_too(monkeypatch):
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)
    with pytest.raises(ValueError, match="Received: '__main__'"):
        code_hash(["__main__"])


def test_the_library_is_followed_and_the_wiring_is_not():
    module = "pipelines.components.trainer"
    assert code_hash([module]) != code_hash([module], followed=())
    assert code_hash(["pipelines.engine.component"]) == code_hash(["pipelines.engine.component"], followed=())


def test_versions_come_from_the_installed_packages():
    found = package_versions(["pytest", "no-such-package-at-all"])
    assert found == {"pytest": pytest.__version__, "no-such-package-at-all": "absent"}
    assert package_versions().keys() >= {
        *("opensmile", "tensorflow", "keras", "numpy", "scipy", "soundfile", resampling.package())
    }


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 1  # one", "x = (\n    1\n)"),
        ('"""Old."""\nx = 1', '"""New."""\nx = 1'),
        ('def f():\n    """Old."""\n    return 1', "def f():\n    return 1"),
        ('class A:\n    x: int = 1\n    """Old."""', 'class A:\n    x: int = 1\n    """New."""'),
        ("raise ValueError(f'expected {x}')", "raise ValueError('no')"),
        ("try: f()\nexcept OSError as e: raise E('a') from e", "try: f()\nexcept OSError as e: raise E() from e"),
        ("assert x, 'old'", "assert x"),
        (
            "for x in progress.steps(y, 3, 'files', 'old', quiet=q): f(x)",
            "for x in progress.steps(y, 4, 'u', 'new'): f(x)",
        ),
        ("with progress.bar(3, 's', 'old'): f()", "with progress.bar(4, 's', 'new', quiet=True): f()"),
        ("progress.say('old')", "progress.say('new')"),
        ("write(x, bar_title='old')", "write(x, bar_title=f'new {y}')"),
    ],
)
def test_what_is_there_for_people_does_not_count(before, after):
    assert meaning(before.encode()) == meaning(after.encode())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 1", "x = 2"),
        ("x = 1", "x = 1.0"),
        ("x = 'text'", "x = 'Text'"),
        ("raise ValueError('a')", "raise KeyError('a')"),
        ("raise f(1)(2)", "raise f(2)(2)"),
        ("assert x, 'a'", "assert y, 'a'"),
        ("for x in progress.steps(y, 3, 'files', 'a'): f(x)", "for x in progress.steps(z, 3, 'files', 'a'): f(x)"),
        ("other.bar(3)", "other.bar(4)"),
        ("plot(title='a')", "plot(title='b')"),
        ("def f():\n    'text'\n    return 1", "def f():\n    return 'text'"),
    ],
)
def test_what_it_does_counts(before, after):
    assert meaning(before.encode()) != meaning(after.encode())


def test_what_is_uncounted_is_not_followed_either(tree):
    package = tree.followed[0]

    def hashed():
        return code_hash([tree.followed[1] + ".train"], tree.followed, [f"{package}.used"])

    for name, changes in (("deep", False), ("used", False), ("late", True)):
        before = hashed()
        tree.edit(f"toylib/{name}.py")
        assert (hashed() != before) == changes, name


#: The components whose product is, or lies in, a report.
REPORTING = {"reporter", "reproducer", "listening_gen", "exporter", "infra_validator", "pusher"}
COMPONENTS = sorted(found.name for found in pkgutil.iter_modules(components.__path__))


@pytest.mark.parametrize("name", COMPONENTS)
def test_no_key_holds_what_is_only_shown(name):
    found = counted([f"{components.__name__}.{name}"])
    assert not [module for module in found if module.startswith(UNCOUNTED)]
    if name not in REPORTING:
        assert not [module for module in found if module.startswith("kerasser.report.")]


class Copy:
    """A copy of our own source that can be edited, and what the components' keys make of it."""

    def __init__(self, place):
        self.place = place
        for package in (kerasser, pipelines):
            source = Path(package.__file__).parent
            shutil.copytree(source, place / source.name, ignore=shutil.ignore_patterns("__pycache__", "*.yaml"))

    def source(self, module):
        path = self.place.joinpath(*module.split("."))
        return next((file for file in (path / "__init__.py", path.with_suffix(".py")) if file.is_file()), None)

    def hashes(self):
        return {name: code_hash([f"{components.__name__}.{name}"]) for name in COMPONENTS}

    def edit(self, name, old, new):
        text = (self.place / name).read_text()
        assert old in text, f"{name} has changed: choose another edit"
        (self.place / name).write_text(text.replace(old, new, 1))


@pytest.fixture
def copy(tmp_path, monkeypatch):
    made = Copy(tmp_path)
    monkeypatch.setattr(source_hash, "_source", made.source)
    return made


def test_comments_docstrings_and_titles_run_nothing_again(copy):
    before = copy.hashes()
    for path in copy.place.rglob("*.py"):
        text = re.sub(r'^( *)"""(?=[A-Z])', r'\1"""Edited: ', path.read_text(), flags=re.MULTILINE)
        path.write_text(f"# Edited.\n{text}\n# Edited.\n")
    copy.edit("pipelines/components/evaluator.py", '"answers"', '"what it answers"')
    copy.edit("pipelines/components/feature_gen.py", '"clean features"', '"features"')
    copy.edit("pipelines/components/trainer.py", '"examples made with the test', '"what was made with the test')
    copy.edit("kerasser/util/progress.py", "dynamic_ncols=True", "dynamic_ncols=False")
    copy.edit("kerasser/training/tensorboard/pictures.py", "dpi", "dots_per_inch")
    copy.edit("kerasser/corpora/manifest.py", "0 or more. Received", "none below 0. Received")
    assert copy.hashes() == before


def test_a_constant_of_the_estimator_runs_all_its_heirs_again(copy):
    before = copy.hashes()
    copy.edit("kerasser/noise/estimation.py", "_DECISION_WEIGHT = 0.98", "_DECISION_WEIGHT = 0.97")
    after = copy.hashes()
    changed = {name for name in COMPONENTS if after[name] != before[name]}
    assert {"adversarial_gen", "random_noise_gen", "perception_gen", "attacker", "victim_attacker"} <= changed
    assert not changed & {"corpus_gen", "noise_gen", "trainer", "gan_trainer", "evaluator", "white_box"}


def test_the_members_of_a_registry_are_in_the_keys_of_those_who_name_them():
    """`kerasser.defences` finds its members without an import."""
    found = counted(["kerasser.defences"])
    assert "kerasser.defences" in found
    assert "kerasser.defences.gan" not in found
    assert "kerasser.defences.gan" in counted(["kerasser.defences", "kerasser.defences.gan"])


def test_a_report_s_key_holds_every_section_defence_and_threat_model():
    """All of them are found by registries, and a report may be made of any."""
    for executor in (ReporterExecutor, ReproducerExecutor):
        found = counted(executor.modules({}))
        for name in ("kerasser.report.sections.table2", "kerasser.defences.gan", "kerasser.threats.oblivious"):
            assert name in found, executor


def test_members_are_listed_without_an_import(tree):
    package = tree.followed[0]
    assert members(f"{package}.readers") == [f"{package}.readers.{name}" for name in ("base", "one", "two")]
    assert members("no_such_package") == []
