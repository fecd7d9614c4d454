import re
import subprocess

import yaml
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from kerasser.serving import configuration


def test_every_model_with_a_version_is_listed(models_dir):
    (models_dir / "empty").mkdir(exist_ok=True)
    configuration.write(models_dir)
    config = model_server_config_pb2.ModelServerConfig()
    text_format.Parse((models_dir / "models.config").read_text(), config)
    listed = {each.name: each.base_path for each in config.model_config_list.config}
    assert listed == {"perturbation": "/models/perturbation", "tiny": "/models/tiny"}
    assert {each.model_platform for each in config.model_config_list.config} == {"tensorflow"}


def test_the_compose_file_and_the_script_start_the_same_server(models_dir):
    (service,) = yaml.safe_load((models_dir / "compose.yaml").read_text())["services"].values()
    assert service["volumes"] == [".:/models:ro"]
    assert service["ports"] == ["8500:8500", "8501:8501"]
    script = (models_dir / "docker-run.sh").read_text()
    assert all(flag in script for flag in (service["image"], *service["command"]))
    assert all(
        re.search(r"=/models/(\S+)", flag) is None or (models_dir / flag.split("/models/")[1]).is_file()
        for flag in service["command"]
    )


def test_the_script_runs_docker_with_the_folder_it_lies_in(models_dir, tmp_path):
    docker = tmp_path / "docker"
    docker.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    docker.chmod(0o755)
    script = models_dir / "docker-run.sh"
    said = subprocess.run(
        [str(script), "--enable_batching"], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True
    ).stdout.splitlines()
    assert said[:2] == ["run", "--rm"]
    assert f"{models_dir}:/models:ro" in said
    assert said[-1] == "--enable_batching"
    assert said.index(configuration.IMAGE) < said.index("--model_config_file=/models/models.config")


def test_the_server_does_not_pad(models_dir):
    text = (models_dir / "batching_parameters.txt").read_text()
    assert "pad_variable_length_inputs: false" in text
    fields = re.findall(r"^(\w+)(?: \{ value: \d+ \}|: \w+)$", text, re.MULTILINE)
    assert sorted(fields) == [
        "batch_timeout_micros",
        "max_batch_size",
        "max_enqueued_batches",
        "num_batch_threads",
        "pad_variable_length_inputs",
    ]
    assert 'path: "/monitoring/prometheus/metrics"' in (models_dir / "monitoring.config").read_text()
