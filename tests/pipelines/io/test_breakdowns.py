"""The parts of a reproduction's report that stand beside its errors, from answers that are made up."""

import json

import numpy as np
import pandas as pd
import pytest

from kerasser.evaluation.comparison import GAN, NONE, RANDOM
from pipelines.components.reproducer import ReproducerExecutor
from pipelines.engine.artifacts import Artifact


def answers(defence):
    """Eight utterances of four speakers; sad speech lies in louder noise. The GAN is always right."""
    generator, rows = np.random.default_rng(0), []
    for number in range(8):
        speaker, emotion = f"s{number // 2}", ("anger", "calm")[number % 2]
        about = {"id": f"u{number}", "speaker": speaker, "emotion": emotion, "label": number % 2}
        rows.append({**about, "predicted": number % 2, "margin": 1.0, "clipped": 0, "samples": 8000})
        for noise in ("cafe", "station"):
            for budget, target in (("epsilon", 0.5), ("epsilon", 2.0), ("snr_db", 10.0)):
                for draw in range(2):
                    attack = {"noise": noise, "budget": budget, "target": target, "draw": draw, "epsilon": target}
                    # Every first draw is answered as anger, unless the defence helps.
                    predicted = number % 2 if draw or defence == GAN else 0
                    level = {"reference_variance": 10.0 ** -(6 - number % 2), "reference_snr_db": 30.0}
                    facts = {"predicted": predicted, "margin": generator.normal(), "snr_db": 9.0 + draw}
                    rows.append({**about, **attack, **facts, **level, "clipped": 0, "samples": 8000})
    return pd.DataFrame(rows)


@pytest.fixture
def report(tmp_path):
    """Runs the Reproducer alone; returns the folder of its report."""

    def artifact(kind, **files):
        place = tmp_path / kind.replace(" ", "-")
        place.mkdir()
        for name, content in files.items():
            name, text = name.replace("_", "."), content if isinstance(content, str) else json.dumps(content)
            (place / name).write_text(text)
        return Artifact(kind.split()[0], place)

    rows = "".join(f"u{n},s{n // 2},{'female' if n < 4 else 'male'},{n},0.0,\n" for n in range(8))
    about = {"name": "tiny", "synthetic": False, "remarks": [], "skipped": {}}
    inputs = {
        "utterances": artifact("Utterances", utterances_csv="id,speaker,sex,sha256,start_s,end_s\n" + rows),
        "noise": artifact("Noise", bank_json={"synthetic": False, "recordings": []}),
        "training_noise.0": artifact("Noise train", bank_json={"synthetic": False, "recordings": []}),
    }
    (inputs["utterances"].uri / "corpus.json").write_text(json.dumps(about))
    metrics = {"test_speakers": [f"s{n}" for n in range(4)], "trained_speakers": []}
    metrics |= {"trained_noises": [], "alarms": [], "model": {}}
    for place, defence in enumerate((NONE, RANDOM, GAN)):
        table = answers(defence).to_csv(index=False)
        inputs[f"evaluations.{place}"] = artifact(f"Evaluation {place}", predictions_csv=table, metrics_json=metrics)
    measured = answers(NONE).query("draw == 0 and id == 'u0'").assign(segmental_snr_db=5.0, stoi=0.75, pesq=np.nan)
    inputs["perception.0"] = artifact(
        "Perception",
        perception_csv=measured.to_csv(index=False),
        perception_json={"utterances": 1, "missing": ["pesq"]},
    )
    systems = [{"defence": defence, "percent": 0.0, "fold": "1", "seed": 0} for defence in (NONE, RANDOM, GAN)]
    parameters = {"systems": systems, "replicates": 100, "confidence": 0.95, "command": "make it", "budgets": []}
    parameters |= {"attacks_of": [], "drawn_of": []}
    parameters["settings"] = {"attack": {"seed": 0}, "data": {"seed": 0}, "threats": {}}
    parameters["settings"]["evaluation"] = {"confidence": 0.95}
    (tmp_path / "report").mkdir()
    ReproducerExecutor().do(inputs, {"report": tmp_path / "report"}, parameters)
    return tmp_path / "report"


def test_a_reproduction_says_how_audible_the_attack_is(report):
    text = (report / "report.md").read_text()
    # Nine and ten decibels; of the first draws half are wrong, of the second none.
    measures = "9.5 (9.0 to 10.0) | 5.0 (5.0 to 5.0) | 0.75 (0.75 to 0.75) | –"
    assert f"| cafe | 10 dB | {measures} | 25.0 (no spread) | 50.0 (no spread) | 2 |" in text
    assert "the package pesq would fill it" in text and "pystoi would" not in text
    table = pd.read_csv(report / "perception.csv")
    assert len(table) == 9 and set(table["stoi_median"]) == {0.75} and table["pesq"].isna().all()


def test_a_reproduction_says_whether_the_label_survives(report):
    text = (report / "report.md").read_text()
    assert "| anger | 4 | 4 | -60.0 (-60.0 to -60.0) | – | 30.0 (30.0 to 30.0) |" in text
    assert "| calm | 4 | 4 | -50.0 (-50.0 to -50.0) | – | 30.0 (30.0 to 30.0) |" in text
    zero, half, whole = "0.0 (no spread)", "50.0 (no spread)", "100.0 (no spread)"
    assert f"| calm | none | 4 | 4 | {zero} | {half} | {whole} | {half} | {whole} |" in text
    assert f"| calm | GAN | 4 | 4 | {' | '.join([zero] * 5)} |" in text
    assert f"| female | none | 4 | 2 | {zero} | 25.0 (no spread) | {half} |" in text
    assert "| calm | random" not in text
    told = json.loads((report / "report.json").read_text())["label_survival"]
    # Four speakers, two orders each: all four agree in 2 of 16 ways.
    assert told["test"]["p"] == pytest.approx(2 / 16, abs=0.02)
    for name in ("errors_by_emotion", "errors_by_sex"):
        table = pd.read_csv(report / f"{name}.csv")
        assert set(table["defence"]) == {NONE, RANDOM, GAN} and len(table) == 3 * 2 * 3
    assert set(pd.read_csv(report / "reference_noise.csv")["level_db_median"]) == {-60.0, -50.0}
    assert "Does the label survive?" in (report / "report.html").read_text()
