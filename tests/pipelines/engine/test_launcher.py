"""What runs, what is found again, and what a kill, a failure or a second run leaves behind."""

import errno
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kerasser.util.errors import InputError
from pipelines.engine import hashes, launcher
from pipelines.engine.artifacts import ArtifactType, content_hash
from pipelines.engine.component import Component, ComponentSpec, Executor
from pipelines.engine.launcher import Launcher

TEXT, JOINED = ArtifactType("Text"), ArtifactType("Joined", volatile=("logs",))
PARTS = 5


class WriteSpec(ComponentSpec):
    PARAMETERS = {"word": str, "rate": float, "fault": str | None}
    RUNTIME_PARAMETERS = {"log": Path, "pause_at": int | None, "go": Path | None}
    OUTPUTS = {"text": TEXT}


class WriteExecutor(Executor):
    """Writes parts that are not there yet, and logs each; waits at one of them for a file to appear."""

    def do(self, inputs, outputs, parameters):
        for number in range(PARTS):
            while number == parameters["pause_at"] and not (parameters["go"] and parameters["go"].exists()):
                time.sleep(0.01)
            part = outputs["text"] / f"{number}.txt"
            if not part.exists():
                part.write_text(f"{parameters['word']} {parameters['rate']} {number}\n")
                with parameters["log"].open("a") as file:
                    file.write(f"{number} ")
            if parameters["fault"] == "input" and number == 2:
                raise InputError("word: expected another. Received: this")
            if parameters["fault"] == "bug" and number == 2:
                raise RuntimeError("bug")
        return {"text": {"parts": PARTS}}


class Write(Component):
    SPEC, EXECUTOR = WriteSpec, WriteExecutor


class JoinSpec(ComponentSpec):
    PARAMETERS = {"separator": str}
    RUNTIME_PARAMETERS = {"log": Path}
    INPUTS = {"text": TEXT}
    OUTPUTS = {"joined": JOINED}


class JoinExecutor(Executor):
    def do(self, inputs, outputs, parameters):
        text = parameters["separator"].join(path.read_text() for path in sorted(inputs["text"].uri.iterdir()))
        (outputs["joined"] / "text").write_text(text)
        (outputs["joined"] / "logs").mkdir(exist_ok=True)
        (outputs["joined"] / "logs" / "time").write_text(str(time.time_ns()))
        with parameters["log"].open("a") as file:
            file.write("join ")
        return None


class Join(Component):
    SPEC, EXECUTOR = JoinSpec, JoinExecutor


class Toys:
    """A store, a log of what executors did, and the events of the launcher."""

    def __init__(self, folder):
        self.folder, self.store, self.log, self.events = folder, folder / "store", folder / "log", []

    def write(self, **arguments):
        return Write(**{"word": "a", "rate": 0.5, "log": self.log, **arguments})

    def run(self, target, store=None):
        self.log.write_text("")
        self.events.clear()
        return Launcher(store or self.store, on_event=self.events.append).run(target)[target]

    @property
    def logged(self):
        return self.log.read_text().split()

    @property
    def kinds(self):
        return [event.kind for event in self.events]

    def records(self, store=None):
        return [json.loads(path.read_text()) for path in sorted(((store or self.store) / "records").glob("*.json"))]

    def left_in_work(self):
        return sorted(path.name for path in (self.store / "work").rglob("*") if path.is_file())


@pytest.fixture
def toys(tmp_path):
    return Toys(tmp_path)


def in_another_process(toys, **arguments):
    """Starts `Write` in a process of its own; its events go to its standard output."""
    code = f"from {__name__} import Path, other_process; other_process({arguments!r})"
    paths = [str(Path(launcher.__file__).parents[2])]
    return subprocess.Popen(
        [sys.executable, "-c", code.replace("PosixPath", "Path"), str(toys.folder)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        stdout=subprocess.PIPE,
        text=True,
    )


def other_process(arguments):
    toys = Toys(Path(sys.argv[1]))
    Launcher(toys.store, on_event=lambda event: print(event.kind, flush=True)).run(toys.write(**arguments))


def wait_for(condition):
    end = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.01)


def test_a_second_run_executes_nothing(toys):
    join = Join(text=toys.write().outputs["text"], separator="-", log=toys.log)
    first = toys.run(join)["joined"]
    assert toys.logged == [*"01234", "join"]
    assert toys.kinds == ["run", "done", "run", "done"]
    again = toys.run(join)["joined"]
    assert toys.logged == []
    assert toys.kinds == ["hit", "hit"]
    assert again == first
    assert (first.uri / "text").read_text().startswith("a 0.5 0\n-a 0.5 1")


def test_artifacts_tell_type_place_properties_and_hash(toys):
    artifact = toys.run(toys.write())["text"]
    (record,) = toys.records()
    assert artifact.type_name == "Text"
    assert artifact.uri == toys.store / "Text" / record["key"][:16]
    assert artifact.properties == {"parts": PARTS}
    assert artifact.content_hash == content_hash(artifact.uri)


def test_a_record_tells_who_from_what_and_how_long(toys):
    toys.run(Join(text=toys.write(id="Words").outputs["text"], separator="-", log=toys.log))
    write, join = sorted(toys.records(), key=lambda record: len(record["inputs"]))
    assert write["component"] == {"id": "Words", "class": "Write"}
    assert write["parameters"] == {"word": "a", "rate": 0.5, "fault": None}
    assert write["runtime_parameters"]["log"] == str(toys.log)
    assert join["inputs"]["text"]["producer"] == write["key"]
    assert join["inputs"]["text"]["uri"] == write["outputs"]["text"]["uri"] == f"Text/{write['key'][:16]}"
    assert join["inputs"]["text"]["content_hash"] == write["outputs"]["text"]["content_hash"]
    assert join["packages"] == launcher.package_versions()
    assert join["started_at"].endswith("+00:00")
    assert 0 <= join["duration_s"] < 5
    assert str(toys.store) not in json.dumps({**join, "runtime_parameters": None})


@pytest.mark.parametrize("change", [{"word": "b"}, {"rate": 0.25}])
def test_a_parameter_changes_the_key(toys, change):
    toys.run(toys.write())
    toys.run(toys.write(**change))
    assert toys.kinds == ["run", "done"]
    assert len(toys.records()) == 2


def test_a_runtime_parameter_does_not(toys):
    toys.run(toys.write())
    toys.run(toys.write(pause_at=99, id="SomeoneElse"))
    assert toys.kinds == ["hit"]


def test_input_content_changes_the_key_and_only_content(toys):
    def join(**arguments):
        toys.run(Join(text=toys.write(**arguments).outputs["text"], separator="-", log=toys.log))

    join()
    join(word="b")
    assert toys.kinds == ["run", "done", "run", "done"]
    # Another key upstream (the fault never happens), but the same bytes.
    join(fault="none at all")
    assert toys.kinds == ["run", "done", "hit"]


def test_a_package_version_changes_the_key(toys, monkeypatch):
    toys.run(toys.write())
    versions = {**launcher.package_versions(), "numpy": "0.0.0"}
    monkeypatch.setattr(launcher, "package_versions", lambda: versions)
    toys.run(toys.write())
    assert toys.kinds == ["run", "done"]


def test_code_changes_the_key(toys, monkeypatch):
    source = toys.folder / "toy_edited.py"
    source.write_text(
        "from tests.pipelines.engine.test_launcher import WriteExecutor\nclass Edited(WriteExecutor): ...\n"
    )
    monkeypatch.syspath_prepend(toys.folder)
    import toy_edited

    class EditedWrite(Component):
        SPEC, EXECUTOR = WriteSpec, toy_edited.Edited

    component = EditedWrite(word="a", rate=1, log=toys.log)
    toys.run(component)
    toys.run(component)
    assert toys.kinds == ["hit"]
    source.write_text(source.read_text() + "# edited\n")
    toys.run(component)
    assert toys.kinds == ["hit"]
    source.write_text(source.read_text() + "EDITED = True\n")
    toys.run(component)
    assert toys.kinds == ["run", "done"]


def test_code_is_hashed_before_anything_runs(toys, monkeypatch):
    """An edit made while the first component trains is not in the memory of the second."""
    order = []
    hashed = launcher.code_hash
    monkeypatch.setattr(launcher, "code_hash", lambda modules: (order.append("hash"), hashed(modules))[1])
    done = JoinExecutor.do
    monkeypatch.setattr(JoinExecutor, "do", lambda *args: (order.append("do"), done(*args))[1])
    toys.run(Join(text=toys.write().outputs["text"], separator="-", log=toys.log))
    assert order[-1] == "do"
    assert order.count("do") == 1


def test_the_world_outside_counts_through_the_fingerprint(toys):
    class WorldExecutor(WriteExecutor):
        @staticmethod
        def fingerprint(parameters):
            return (toys.folder / parameters["word"]).read_text()

    class World(Component):
        SPEC, EXECUTOR = WriteSpec, WorldExecutor

    (toys.folder / "corpus").write_text("one file")
    component = World(word="corpus", rate=1, log=toys.log)
    toys.run(component)
    toys.run(component)
    assert toys.kinds == ["hit"]
    (toys.folder / "corpus").write_text("two files")
    toys.run(component)
    assert toys.kinds == ["run", "done"]


def test_several_outputs_of_one_type_have_places_of_their_own(toys):
    class TwoSpec(ComponentSpec):
        OUTPUTS = {"train": TEXT, "test": TEXT}

    class TwoExecutor(Executor):
        def do(self, inputs, outputs, parameters):
            for name, path in outputs.items():
                (path / "name").write_text(name)

    class Two(Component):
        SPEC, EXECUTOR = TwoSpec, TwoExecutor

    made = toys.run(Two())
    assert {name: (artifact.uri / "name").read_text() for name, artifact in made.items()} == {
        "train": "train",
        "test": "test",
    }


def test_a_component_is_run_once_for_all_that_need_it(toys):
    write = toys.write()
    joins = [Join(text=write.outputs["text"], separator=mark, log=toys.log, id=mark) for mark in "+-"]
    made = Launcher(toys.store).run(*(join.outputs["joined"] for join in joins))
    assert list(made) == [write, *joins]
    assert toys.logged == [*"01234", "join", "join"]


def test_two_components_of_one_id_are_refused(toys):
    join = Join(text=toys.write(id="Same").outputs["text"], separator="-", log=toys.log, id="Same")
    with pytest.raises(ValueError, match="Received: 'Same' twice"):
        Launcher(toys.store).run(join)
    assert not toys.records()


@pytest.mark.parametrize(
    "damage",
    [
        lambda place: (place / "text").write_text("x" * (place / "text").stat().st_size),
        lambda place: (place / "text").unlink(),
        lambda place: (place / "extra").write_text("x"),
        lambda place: (place / "logs" / "time").write_text("volatile"),
        lambda place: shutil.rmtree(place),
    ],
    ids=["bytes", "removed", "added", "volatile", "gone"],
)
def test_a_damaged_output_is_made_again(toys, damage):
    join = Join(text=toys.write().outputs["text"], separator="-", log=toys.log)
    artifact = toys.run(join)["joined"]
    damage(artifact.uri)
    again = toys.run(join)["joined"]
    assert toys.kinds == ["hit", "run", "done"]
    assert again == artifact
    assert content_hash(again.uri, JOINED.volatile) == artifact.content_hash
    assert not (again.uri / "extra").exists()
    toys.run(join)
    assert toys.kinds == ["hit", "hit"]


def flipped(text):
    """A record that is JSON of its shape, but believes another hash."""
    record = json.loads(text)
    (output,) = record["outputs"].values()
    output["content_hash"] = f"{int(output['content_hash'], 16) ^ 1:064x}"
    return json.dumps(record)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:50],
        lambda text: "[]",
        lambda text: "null",
        lambda text: json.dumps({"sha256": "0"}),
        lambda text: json.dumps({**json.loads(text), "outputs": []}),
        lambda text: "[" * 100000,
        lambda text: text.replace("Write", "Wrote"),
        flipped,
    ],
    ids=["cut", "a list", "null", "another shape", "no outputs", "deep", "a word", "a hash"],
)
def test_a_damaged_record_is_no_record(toys, damage):
    artifact = toys.run(toys.write())["text"]
    (path,) = (toys.store / "records").glob("*.json")
    path.write_text(damage(path.read_text()))
    assert toys.run(toys.write())["text"] == artifact
    assert toys.kinds == ["run", "done"]


def test_a_record_under_another_key_is_no_record(toys):
    toys.run(toys.write())
    (first,) = (toys.store / "records").glob("*.json")
    toys.run(toys.write(word="b"))
    (second,) = {*(toys.store / "records").glob("*.json")} - {first}
    shutil.copyfile(first, second)
    toys.run(toys.write(word="b"))
    assert toys.kinds == ["run", "done"]


def write_at_old_times(path, content):
    """Writes other bytes and puts both times back, which leaves the change time alone to tell."""
    stat = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def test_other_bytes_of_the_same_size_and_time_are_noticed(toys):
    artifact = toys.run(toys.write())["text"]
    content = (artifact.uri / "0.txt").read_bytes()
    write_at_old_times(artifact.uri / "0.txt", content[::-1])
    toys.run(toys.write())
    assert toys.kinds == ["run", "done"]
    assert (artifact.uri / "0.txt").read_bytes() == content


def test_gigabytes_are_not_read_again(toys, monkeypatch):
    join = Join(text=toys.write().outputs["text"], separator="-", log=toys.log)
    toys.run(join)
    monkeypatch.setattr(hashes, "_TICK_NS", -(10**12))
    toys.run(join)
    monkeypatch.setattr(hashes.FileHashes, "read", lambda self, path: pytest.fail(f"{path} was read"))
    toys.run(join)
    assert toys.kinds == ["hit", "hit"]


class FailingExecutor(JoinExecutor):
    """Stumbles over a damaged input, as TensorFlow does."""

    def do(self, inputs, outputs, parameters):
        if (inputs["text"].uri / "0.txt").read_text().startswith("x"):
            raise RuntimeError("data loss")
        super().do(inputs, outputs, parameters)


class Failing(Component):
    SPEC, EXECUTOR = JoinSpec, FailingExecutor


def test_a_disk_that_loses_a_bit_is_one_line_and_made_again(toys, monkeypatch):
    """No stat data tell it: not even the change time moves."""
    write = toys.write()
    artifact = toys.run(write)["text"]
    true = (artifact.uri / "0.txt").read_bytes()
    (artifact.uri / "0.txt").write_bytes(b"x" + true[1:])
    failing = Failing(text=write.outputs["text"], separator="-", log=toys.log)
    with monkeypatch.context() as patch:
        patch.setattr(launcher, "untouched", lambda *arguments: True)
        with pytest.raises(InputError, match=r"0\.txt: expected the file as it was published"):
            toys.run(failing)
    assert list((toys.store / "work").iterdir()) == []
    toys.run(failing)
    assert toys.kinds == ["run", "done", "run", "done"]
    assert (artifact.uri / "0.txt").read_bytes() == true


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EFBIG])
def test_a_full_disk_is_one_line_whoever_says_so(toys, monkeypatch, code):
    """TensorFlow's errors are no OSError; what was written before is kept."""
    done = WriteExecutor.do

    def fail(*arguments):
        done(*arguments)
        raise RuntimeError(f"; {os.strerror(code)} [Op:WriteFile]")

    with monkeypatch.context() as patch:
        patch.setattr(WriteExecutor, "do", fail)
        with pytest.raises(InputError, match=f"expected room to write. Received: {os.strerror(code)}"):
            toys.run(toys.write())
    toys.run(toys.write())
    assert toys.kinds == ["resume", "done"]


def test_a_failure_for_another_reason_stays_what_it_is(toys, monkeypatch):
    monkeypatch.setattr(JoinExecutor, "do", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        toys.run(Join(text=toys.write().outputs["text"], separator="-", log=toys.log))


def test_an_edit_between_the_key_and_the_reading_is_refused(toys):
    world = toys.folder / "world"
    world.write_text("one")

    class ReadingExecutor(WriteExecutor):
        @staticmethod
        def fingerprint(parameters):
            return world.read_text()

        def do(self, inputs, outputs, parameters):
            if parameters["fault"] == "edit":
                world.write_text("two")
            self.seen = world.read_text()
            return super().do(inputs, outputs, {**parameters, "fault": None})

    class Reading(Component):
        SPEC, EXECUTOR = WriteSpec, ReadingExecutor

    with pytest.raises(InputError, match="Reading: expected the files it reads to stay as they are"):
        toys.run(Reading(word="a", rate=1, log=toys.log, fault="edit"))
    assert list((toys.store / "work").iterdir()) == []
    assert not toys.records()
    toys.run(Reading(word="a", rate=1, log=toys.log, fault="edit"))
    assert toys.kinds == ["run", "done"]


def test_whoever_reads_a_part_of_an_input_is_run_again_for_that_part_alone(toys):
    class FirstExecutor(JoinExecutor):
        @classmethod
        def key_inputs(cls, inputs, parameters):
            return {"first": hashes.sha256(inputs["text"].uri / "0.txt")}

    class First(Component):
        SPEC, EXECUTOR = JoinSpec, FirstExecutor

    class OddExecutor(WriteExecutor):
        def do(self, inputs, outputs, parameters):
            super().do(inputs, outputs, {**parameters, "word": "same"})
            (outputs["text"] / "4.txt").write_text(parameters["word"])

    class Odd(Component):
        SPEC, EXECUTOR = WriteSpec, OddExecutor

    for word, rate, kinds in (
        ("a", 0.5, ["run", "done", "run", "done"]),
        ("b", 0.5, ["run", "done", "hit"]),
        ("b", 2.0, ["run", "done", "run", "done"]),
    ):
        write = Odd(word=word, rate=rate, log=toys.log)
        toys.run(First(text=write.outputs["text"], separator="-", log=toys.log))
        assert toys.kinds == kinds, (word, rate)


def test_a_module_that_a_parameter_names_is_in_the_key(toys, monkeypatch):
    for name in ("toy_member_a", "toy_member_b"):
        (toys.folder / f"{name}.py").write_text("X = 1\n")
    monkeypatch.syspath_prepend(toys.folder)

    class ToldExecutor(WriteExecutor):
        @classmethod
        def modules(cls, parameters):
            return [*super().modules(parameters), f"toy_member_{parameters['word']}"]

    class Told(Component):
        SPEC, EXECUTOR = WriteSpec, ToldExecutor

    component = Told(word="a", rate=1, log=toys.log)
    for edited, kinds in (("a", ["run", "done"]), ("b", ["hit"]), ("a", ["run", "done"])):
        path = toys.folder / f"toy_member_{edited}.py"
        path.write_text(path.read_text() + "Y = 1\n")
        toys.run(component)
        assert toys.kinds == kinds, edited


def test_an_output_without_a_record_is_replaced(toys):
    artifact = toys.run(toys.write())["text"]
    (path,) = (toys.store / "records").glob("*.json")
    path.unlink()
    (artifact.uri / "stale").write_text("x")
    toys.run(toys.write())
    assert toys.logged == list("01234")
    assert not (artifact.uri / "stale").exists()


def test_a_moved_or_copied_store_is_valid(toys):
    join = Join(text=toys.write().outputs["text"], separator="-", log=toys.log)
    before = toys.run(join)["joined"]
    shutil.copytree(toys.store, toys.folder / "copy", copy_function=shutil.copyfile)
    shutil.move(toys.store, toys.folder / "moved")
    for place in ("copy", "moved"):
        after = toys.run(join, toys.folder / place)["joined"]
        assert toys.kinds == ["hit", "hit"], place
        assert after.uri == toys.folder / place / before.uri.relative_to(toys.store)
        assert after.content_hash == before.content_hash
    assert not toys.store.exists()


def test_a_killed_run_is_taken_up(toys):
    undisturbed = toys.run(toys.write(), toys.folder / "undisturbed")["text"]
    toys.log.write_text("")
    process = in_another_process(toys, pause_at=3)
    with process:
        wait_for(lambda: toys.logged == list("012"))
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not toys.records()
    assert not (toys.store / "Text").exists()
    artifact = toys.run(toys.write())["text"]
    assert toys.logged == list("34"), "what the killed run wrote should be kept"
    assert toys.kinds == ["resume", "done"]
    assert artifact.content_hash == undisturbed.content_hash == content_hash(artifact.uri)
    assert toys.records()[0]["resumed"]
    assert list((toys.store / "work").iterdir()) == []


def test_two_runs_at_once_execute_once(toys):
    go = toys.folder / "go"
    toys.log.write_text("")
    with in_another_process(toys, pause_at=3, go=go) as first:
        assert first.stdout.readline() == "run\n"
        with in_another_process(toys, pause_at=3, go=go) as second:
            assert second.stdout.readline() == "wait\n"
            go.write_text("")
            assert second.stdout.read() == "hit\n"
        assert first.stdout.read() == "done\n"
    assert (first.returncode, second.returncode) == (0, 0)
    assert toys.logged == list("01234")


def test_an_input_error_leaves_nothing(toys):
    with pytest.raises(InputError, match="expected another"):
        toys.run(toys.write(fault="input"))
    assert toys.logged == list("012")
    assert toys.left_in_work() == []
    assert list((toys.store / "work").iterdir()) == []
    assert not toys.records()
    assert not (toys.store / "Text").exists()


def test_a_failure_leaves_work_but_no_record(toys):
    for logged in (list("012"), []):
        with pytest.raises(RuntimeError, match="bug"):
            toys.run(toys.write(fault="bug"))
        assert toys.logged == logged
        assert toys.left_in_work() == ["0.txt", "1.txt", "2.txt"]
        assert not toys.records()
        assert not (toys.store / "Text").exists()


@pytest.mark.parametrize("step", ["rmtree", "rename", "write"])
def test_a_publication_cut_short_is_taken_up(toys, monkeypatch, step):
    """The executor had finished: nothing it wrote may be lost, or taken for valid before the record is there."""

    class TwoSpec(ComponentSpec):
        RUNTIME_PARAMETERS = {"log": Path}
        OUTPUTS = {"one": TEXT, "two": TEXT}

    class TwoExecutor(Executor):
        def do(self, inputs, outputs, parameters):
            for name, path in outputs.items():
                if not (path / "name").exists():
                    (path / "name").write_text(name)
                    with parameters["log"].open("a") as file:
                        file.write(f"{name} ")

    class Two(Component):
        SPEC, EXECUTOR = TwoSpec, TwoExecutor

    def cut(*arguments):
        raise KeyboardInterrupt

    rename = os.rename

    def rename_but_the_last(source, target):
        cut() if str(target).endswith("-two") else rename(source, target)

    component = Two(log=toys.log)
    with monkeypatch.context() as patch:
        if step == "rmtree":
            patch.setattr(launcher.shutil, "rmtree", cut)
        elif step == "rename":
            patch.setattr(launcher.os, "rename", rename_but_the_last)
        else:
            patch.setattr(Launcher, "_write", cut)
        with pytest.raises(KeyboardInterrupt):
            toys.run(component)
    assert toys.logged == ["one", "two"]
    made = toys.run(component)
    assert toys.logged == []
    assert toys.kinds == (["hit"] if step == "rmtree" else ["resume", "done"])
    assert {name: (artifact.uri / "name").read_text() for name, artifact in made.items()} == {
        "one": "one",
        "two": "two",
    }
    assert list((toys.store / "work").iterdir()) == []
    toys.run(component)
    assert toys.kinds == ["hit"]


def test_a_publication_cut_short_and_then_damaged_is_made_anew(toys, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Launcher, "_write", lambda *arguments: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            toys.run(toys.write())
    shutil.rmtree(toys.store / "Text")
    toys.run(toys.write())
    assert toys.logged == list("01234")
    assert toys.kinds == ["run", "done"]


@pytest.mark.parametrize("written", [[], ["logs/only"]], ids=["nothing", "volatile only"])
def test_an_output_that_cannot_be_told_apart_is_refused(toys, written):
    class EmptyExecutor(Executor):
        def do(self, inputs, outputs, parameters):
            for name in written:
                (outputs["joined"] / name).parent.mkdir(exist_ok=True)
                (outputs["joined"] / name).write_text("x")

    class Empty(Component):
        SPEC, EXECUTOR = JoinSpec, EmptyExecutor

    with pytest.raises(ValueError, match="Empty.joined: expected files that are not volatile. Received: none"):
        toys.run(Empty(text=toys.write().outputs["text"], separator="", log=toys.log))
    assert [record["component"]["id"] for record in toys.records()] == ["Write"]


def test_properties_of_an_unknown_output_are_refused(toys, monkeypatch):
    monkeypatch.setattr(JoinExecutor, "do", lambda *arguments: {"elsewhere": {}})
    with pytest.raises(ValueError, match=r"Join: expected properties of \['joined'\]. Received: \['elsewhere'\]"):
        toys.run(Join(text=toys.write().outputs["text"], separator="", log=toys.log))


def test_a_store_that_is_a_file_is_an_input_error(toys):
    toys.store.write_text("")
    with pytest.raises(InputError, match="store: expected a folder to write to. Received: "):
        Launcher(toys.store)


def test_events_go_to_the_logger_by_default(toys, caplog):
    with caplog.at_level(logging.INFO, "pipelines.engine.launcher"):
        Launcher(toys.store).run(toys.write(id="Words"))
    place = next((toys.store / "Text").iterdir())
    assert [record.getMessage() for record in caplog.records] == ["Words: starts", f"Words: done in 0.0 s: {place}"]
