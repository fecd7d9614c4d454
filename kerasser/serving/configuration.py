"""What a TF Serving of a folder of models is started with."""

from __future__ import annotations

import os
from pathlib import Path

import yaml
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from kerasser.serving.versions import versions

IMAGE = "tensorflow/serving:2.18.0"
#: Where the models lie inside the container.
MOUNT = "/models"
FLAGS = (
    f"--model_config_file={MOUNT}/models.config",
    "--model_config_file_poll_wait_seconds=30",
    f"--monitoring_config_file={MOUNT}/monitoring.config",
)
_BATCHING = """\
# Used with --enable_batching --batching_parameters_file=/models/batching_parameters.txt, for clients that send
# serialized examples, as python -m pipelines.predict does.
max_batch_size { value: 32 }
batch_timeout_micros { value: 5000 }
num_batch_threads { value: 4 }
max_enqueued_batches { value: 256 }
# Off: the server would fill up shorter utterances with copies of their first number. Serialized examples are padded
# inside the model instead.
pad_variable_length_inputs: false
"""
_MONITORING = """\
prometheus_config {
  enable: true
  path: "/monitoring/prometheus/metrics"
}
"""


def write(models_dir: Path) -> None:
    """Writes `models.config`, `batching_parameters.txt`, `monitoring.config`, `compose.yaml` and `docker-run.sh`.

    Args:
        models_dir: Holds a folder for each model; all that have a version are listed.
    """
    found = sorted(path.name for path in models_dir.iterdir() if path.is_dir() and versions(path))
    texts = {
        "models.config": _models(found),
        "batching_parameters.txt": _BATCHING,
        "monitoring.config": _MONITORING,
        "compose.yaml": _compose(),
        "docker-run.sh": _docker_run(),
    }
    for name, text in texts.items():
        part = models_dir / f"{name}.part"
        part.write_text(text)
        part.chmod(0o755 if name.endswith(".sh") else 0o644)
        os.replace(part, models_dir / name)


def _models(names: list[str]) -> str:
    config = model_server_config_pb2.ModelServerConfig()
    for name in names:
        config.model_config_list.config.add(name=name, base_path=f"{MOUNT}/{name}", model_platform="tensorflow")
    text: str = text_format.MessageToString(config)
    return text


def _compose() -> str:
    service = {
        "image": IMAGE,
        "ports": ["8500:8500", "8501:8501"],
        "volumes": [f".:{MOUNT}:ro"],
        "command": list(FLAGS),
        "restart": "unless-stopped",
    }
    text: str = yaml.safe_dump({"services": {"tensorflow-serving": service}}, sort_keys=False)
    return text


def _docker_run() -> str:
    mount = f'--volume "$(cd "$(dirname "$0")" && pwd):{MOUNT}:ro"'
    parts = ["exec docker run --rm --publish 8500:8500 --publish 8501:8501", mount, IMAGE, *FLAGS, '"$@"']
    return "#!/bin/sh\n# gRPC at 8500, REST at 8501.\n" + " \\\n  ".join(parts) + "\n"
