"""The commands, each `python -m pipelines.NAME`, and the settings that it takes."""

from __future__ import annotations

from pipelines.config import CorpusRunSettings, ExportSettings, Settings, VictimRunSettings
from pipelines.lineage import LineageSettings
from pipelines.listening_test import ListeningSettings
from pipelines.predict import PredictSettings

COMMANDS: dict[str, type] = {
    "generate": Settings,
    "train": Settings,
    "evaluate": Settings,
    "reproduce": Settings,
    "attack": VictimRunSettings,
    "export": ExportSettings,
    "predict": PredictSettings,
    "listening_test": ListeningSettings,
    "corpus": CorpusRunSettings,
    "lineage": LineageSettings,
}
