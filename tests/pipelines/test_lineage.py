"""Where artifacts come from, in a chain of three."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kerasser.util.errors import InputError
from pipelines.engine import launcher
from pipelines.engine.artifacts import ArtifactType
from pipelines.engine.component import Component, ComponentSpec, Executor
from pipelines.engine.launcher import Launcher
from pipelines.lineage import ancestors, lineage, main

CORPUS, NUMBERS, REPORT = ArtifactType("Corpus"), ArtifactType("Numbers"), ArtifactType("Report")
salt = [0]


class WriteOut(Executor):
    def do(self, inputs, outputs, parameters):
        for name, path in outputs.items():
            (path / "deep").mkdir(exist_ok=True)
            (path / "deep" / "file").write_text(json.dumps([name, dict(parameters), salt]))
        return {name: {"about": name} for name in outputs}


class GenSpec(ComponentSpec):
    PARAMETERS = {"speakers": int, "note": str}
    RUNTIME_PARAMETERS = {"workers": int}
    OUTPUTS = {"corpus": CORPUS}


class Gen(Component):
    SPEC, EXECUTOR = GenSpec, WriteOut


class CountSpec(ComponentSpec):
    PARAMETERS = {"words": list}
    INPUTS = {"corpus": CORPUS}
    OUTPUTS = {"numbers": NUMBERS}


class Count(Component):
    SPEC, EXECUTOR = CountSpec, WriteOut


class ReportSpec(ComponentSpec):
    INPUTS = {"numbers": NUMBERS, "corpus": CORPUS}
    OUTPUTS = {"report": REPORT}


class Report(Component):
    SPEC, EXECUTOR = ReportSpec, WriteOut


@pytest.fixture
def made(tmp_path):
    gen = Gen(speakers=3, note="", workers=7)
    count = Count(corpus=gen.outputs["corpus"], words=["word"] * 40, id="CleanCount")
    report = Report(numbers=count.outputs["numbers"], corpus=gen.outputs["corpus"])
    made = Launcher(tmp_path / "out" / "artifacts").run(report)
    return {"corpus": made[gen]["corpus"], "numbers": made[count]["numbers"], "report": made[report]["report"]}


def test_the_chain_reaches_its_root(made):
    found = lineage(made["report"].uri)
    assert found["component"] == {"id": "Report", "class": "Report"}
    assert found["outputs"]["report"]["properties"] == {"about": "report"}
    assert "files" not in found["outputs"]["report"]
    numbers = found["inputs"]["numbers"]
    assert numbers["component"] == {"id": "CleanCount", "class": "Count"}
    assert numbers["inputs"]["corpus"]["parameters"] == {"speakers": 3, "note": ""}
    assert numbers["inputs"]["corpus"]["inputs"] == {}
    assert not numbers["changed"]


def test_ancestors_come_once_and_from_the_roots(made):
    assert [node["component"]["id"] for node in ancestors(lineage(made["report"].uri))] == ["Gen", "CleanCount"]
    assert ancestors(lineage(made["corpus"].uri)) == []


def test_a_file_inside_and_a_link_to_it_lead_to_the_artifact(made, tmp_path):
    whole = lineage(made["numbers"].uri)
    assert lineage(made["numbers"].uri / "deep" / "file") == whole
    (tmp_path / "latest").symlink_to(made["numbers"].uri)
    assert lineage(tmp_path / "latest") == whole


def test_the_tree_is_indented_and_writes_each_out_once(made, capsys):
    main([str(made["report"].uri)])
    lines = capsys.readouterr().out.splitlines()
    shapes = [line.split(", ")[0].replace(" by ", "|").split("|") for line in lines]
    hashes = {name: artifact.content_hash[:12] for name, artifact in made.items()}
    assert shapes[0] == [f"Report {hashes['report']}", "Report"]
    assert shapes[1] == [f"  numbers ← Numbers {hashes['numbers']}", "CleanCount (Count)"]
    assert lines[2].startswith('    words=["word"') and lines[2].endswith("…") and len(lines[2]) == 104
    assert shapes[3] == [f"    corpus ← Corpus {hashes['corpus']}", "Gen"]
    assert lines[4] == "      speakers=3"
    assert lines[5] == f"  corpus ← Corpus {hashes['corpus']} by Gen, as above"
    assert len(lines) == 6


def test_full_shows_every_parameter(made, capsys):
    main([str(made["numbers"].uri), "--full"])
    output = capsys.readouterr().out
    assert output.count('"word"') == 40
    assert 'speakers=3 note="" workers=7' in output


def test_json_is_the_whole_of_it(made, capsys):
    main([str(made["report"].uri), "--json"])
    assert json.loads(capsys.readouterr().out) == lineage(made["report"].uri)


def test_output_dir_names_the_place(made, tmp_path, capsys):
    relative = made["corpus"].uri.relative_to(tmp_path / "out" / "artifacts")
    main([str(relative), "--output-dir", str(tmp_path / "out")])
    assert "by Gen" in capsys.readouterr().out


def test_a_moved_store_tells_the_same(made, tmp_path):
    before = lineage(made["report"].uri)
    relative = made["report"].uri.relative_to(tmp_path / "out")
    shutil.move(tmp_path / "out", tmp_path / "moved")
    assert lineage(tmp_path / "moved" / relative) == before


def test_a_lost_record_is_said(made, capsys):
    key = lineage(made["corpus"].uri)["key"]
    store = made["corpus"].uri.parents[1]
    (store / "records" / f"{key}.json").unlink()
    main([str(made["numbers"].uri)])
    assert f"corpus ← {key[:12]}: its record is gone" in capsys.readouterr().out


def test_an_input_that_was_made_again_with_another_content_is_said(made, monkeypatch, capsys):
    monkeypatch.setattr(sys.modules[__name__], "salt", [1])
    shutil.rmtree(made["corpus"].uri)
    Launcher(made["corpus"].uri.parents[1]).run(Gen(speakers=3, note="", workers=7))
    main([str(made["numbers"].uri)])
    assert "made again since with another content" in capsys.readouterr().out


def test_no_store_nothing_there_and_no_record_are_input_errors(made, tmp_path):
    (tmp_path / "plain").mkdir()
    with pytest.raises(InputError, match="plain: expected a path inside a store.*Received: no store"):
        lineage(tmp_path / "plain")
    with pytest.raises(InputError, match="nowhere: expected an artifact.*does not exist"):
        lineage(tmp_path / "nowhere")
    store = made["corpus"].uri.parents[1]
    with pytest.raises(InputError, match="work: expected an artifact with a record. Received: work"):
        lineage(store / "work")
    key = lineage(made["corpus"].uri)["key"]
    (store / "records" / f"{key}.json").write_text("{")
    with pytest.raises(InputError, match=f"{key}.json: expected a record as it was written"):
        lineage(made["corpus"].uri)


def test_the_command_fails_in_one_line(tmp_path):
    root = Path(launcher.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.lineage", str(tmp_path)],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"lineage: {tmp_path}: expected ")
    assert done.stderr.count("\n") == 1
    assert "Received: no store" in done.stderr
