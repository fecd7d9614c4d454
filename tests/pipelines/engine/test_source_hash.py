"""An edit changes the hash of what can reach it, and of nothing else."""

import itertools
import sys

import pytest

from pipelines.engine.source_hash import code_hash, package_versions

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

        def edit(self, name):
            path = tmp_path / renamed(name)
            path.write_text(path.read_text() + "\n# edited")

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
    assert code_hash(["pipelines.lineage"]) != code_hash(["pipelines.lineage"], followed=())
    assert code_hash(["pipelines.engine.component"]) == code_hash(["pipelines.engine.component"], followed=())


def test_versions_come_from_the_installed_packages():
    found = package_versions(["pytest", "no-such-package-at-all"])
    assert found == {"pytest": pytest.__version__, "no-such-package-at-all": "absent"}
    assert {"opensmile", "tensorflow", "keras", "numpy", "scipy"} <= package_versions().keys()
