"""Small reports whose figures are easily told apart."""

from dataclasses import replace

from kerasser.attack.budget import SNR, Epsilon
from kerasser.evaluation.report import EvaluationReport, ReproductionReport
from kerasser.evaluation.results import (
    AdjustedP,
    Answer,
    AttackWorstOf,
    Clean,
    CleanRow,
    DifferenceRow,
    EmotionNoise,
    EmotionRow,
    Figure1Row,
    Figure2Row,
    Figure3Row,
    LabelSurvival,
    McNemarP,
    Model,
    NoiseTest,
    OrderRow,
    PairOrder,
    Perception,
    PerceptionRow,
    Quartiles,
    QueriesRow,
    Score,
    SearchCurveRow,
    Sound,
    SoundExample,
    TableRow,
    TableWorst,
    ThreatRow,
    UnseenRow,
    VictimFacts,
    WorstOf,
)

SCORE = Score(20.0, (10.0, 30.0))
WORST = WorstOf(3, Score(40.0, None))
QUARTILES = Quartiles(9.0, 8.0, 10.04, 6)


def figure1(noise="cafe", budget=Epsilon(2), score=SCORE, worst=40.0, n=3, snr_db=9.0):  # noqa: B008
    return Figure1Row(noise, budget, snr_db, score, AttackWorstOf(n, Score(worst, None), 30.0), 12.0, 0.0, 10)


def figure3(defence, noise="cafe", budget=Epsilon(2), score=SCORE, worst=WORST):  # noqa: B008
    return Figure3Row(defence=defence, noise=noise, budget=budget, score=score, error_worst_of=worst)


def difference(first="gan", second="none", value=-12.34, interval=(-20.0, -4.0), budget=Epsilon(2)):  # noqa: B008
    return DifferenceRow(
        *(budget, "worst", first, second, value, interval, 9.87),
        AdjustedP(0.001, 0.0004),
        McNemarP(9, 1, 0.02, 0.043),
    )


def table3(noise="cafe", budget=Epsilon(2)):  # noqa: B008
    intervals = dict.fromkeys(("attacked", "gan", "clean_through_gan"), (1.0, 2.0)) | {"recovered_share": (0.5, 0.9)}
    values = {"attacked": 50.0, "gan": 26.0, "clean": 20.0, "clean_through_gan": 21.0, "recovered_share": 0.8}
    worst = {"attacked": 70.0, "gan": 30.0, "recovered_share": None}
    return TableRow(noise, budget, intervals, TableWorst(dict.fromkeys(worst), 3, worst), values)


def threat(defence, name, error, queries=0, radius=None, budget=Epsilon(2)):  # noqa: B008
    return ThreatRow(defence, budget, name, queries, queries / 2, radius, Score(error, None), 10.0)


def queries(defence="none", most=12, budget=SNR(10), share=None):  # noqa: B008
    """The error after 1, 2, … queries: 5 points more with each."""
    interval = None if share is None else (share - 0.1, share + 0.1)
    return [
        QueriesRow(defence, budget, number, Score(5.0 * number, (number, 6.0 * number)), 1.0, share, interval)
        for number in range(1, most + 1)
    ]


def emotions(error=30.0, defence="none"):
    rows = []
    for emotion in ("anger", "joy"):
        about = {"defence": defence, "percent": 0.0, "emotion": emotion, "n": 12, "speakers": 3}
        rows.append(EmotionRow(**about, score=Score(error, (1.0, 2.0))))
        for budget in (Epsilon(2), SNR(10)):
            worst = WorstOf(9, Score(50.0, None))
            rows.append(EmotionRow(**about, budget=budget, score=Score(error, (1.0, 2.0)), error_worst_of=worst))
    return rows


PERCEPTION_ROW = PerceptionRow(
    *("cafe", SNR(10), QUARTILES, QUARTILES, replace(QUARTILES, median=0.876), None, SCORE),
    AttackWorstOf(9, Score(50.0, None), 5.0),
)
SURVIVAL = LabelSurvival(
    [EmotionNoise("anger", 12, 3, QUARTILES, QUARTILES, QUARTILES), EmotionNoise("joy", 12, 3, None, None, QUARTILES)],
    NoiseTest(7.21, 0.0123, 3, 2),
    [*emotions(30.0), *emotions(20.0, "gan"), *emotions(25.0, "random noise")],
    [],
)
EXAMPLE = SoundExample(
    *("u_1", "s|1", "joy", 1, "cafe", 1.66),
    [
        Sound(file="0-0.wav", snr_db=None, answers={"none": Answer(1, 0.914)}),
        Sound(
            file="0-1.wav",
            snr_db=17.24,
            budget=Epsilon(2),
            answers={"none": Answer(0, 0.5), "gan": Answer(1, 0.75)},
        ),
        Sound(file="0-2.wav", snr_db=10.0, budget=SNR(10), answers={}),
    ],
)
VICTIM = VictimFacts("server", "mine", "http://h:1, model m", "waveform", ["a", "b"], "serve", 3, "beta", 42)
COMMON = {
    "corpus": "demo",
    "synthetic": True,
    "noise_synthetic": True,
    "versions": {"kerasser": "1"},
    "classes": ["negative", "positive"],
    "test_speakers": ["a", "b"],
    "clean": Clean(80.0, SCORE, 10, [[4, 1], [1, 4]]),
    "figure1": [figure1()],
    "perception": Perception(24, [], [PERCEPTION_ROW]),
    "label_survival": SURVIVAL,
    "alarms": [],
    "remarks": ["synthetic speech"],
    "skipped": {},
    "sounds": [],
    "command": "python -m pipelines.reproduce",
    "inputs": {"utterances": "0" * 64},
    "models": [Model("gan", 0.0, "1", 0, {"layers": 2, "units": 8, "dev_ua": 91.25, "sha256": "ab" * 32})],
    "settings": {
        "threats": {"white_box": {"steps": 3, "restarts": 2}},
        "attack": {"seed": 7},
        "data": {"seed": 5},
        "evaluation": {"confidence": 0.95},
    },
}
REPRODUCTION = ReproductionReport(
    **COMMON,
    folds=["1", "2"],
    seeds=[0],
    clean_defended=[CleanRow("none", 0.0, SCORE), CleanRow("adversarial training", 100.0, SCORE)],
    figure2=[Figure2Row("cafe", percent, Epsilon(2), SCORE, WORST) for percent in (0.0, 100.0)],
    table2=[
        TableRow(
            "cafe",
            Epsilon(2),
            {"attacked": (40.0, 60.0), "random_noise": None},
            TableWorst({"attacked": None, "random_noise": None}, 3, {"attacked": 70.0, "random_noise": None}),
            {"attacked": 50.0, "random_noise": 45.0},
        )
    ],
    table3=[table3("cafe"), table3("mean")],
    figure3=[figure3("none"), figure3("gan")],
    ordering=[
        OrderRow(
            *(Epsilon(2), "mean", ["gan", "none"], True, 0.012),
            [PairOrder("gan", "none", -24.0, (-30.0, -10.0), 0.012)],
        )
    ],
    differences=[difference()],
    threats=[
        threat(defence, name, error, queries)
        for defence, errors in (("none", (30.0, 50.0, 50.0)), ("gan", (20.0, 25.0, 35.0)))
        for name, queries, error in zip(
            ("oblivious", "grey-box", "adaptive, random search"), (0, 0, 9), errors, strict=True
        )
    ],
    search_curve=[
        SearchCurveRow("gan", Epsilon(2), queries, 10.0 * queries, 12.0 * queries) for queries in (1, 2, 3, 4)
    ],
    unseen=[
        UnseenRow("gan", Epsilon(2), without, noise, Score(error, None))
        for without, errors in (("", (10.0, 20.0)), ("cafe", (30.0, 40.0)))
        for noise, error in zip(("cafe", "station"), errors, strict=True)
    ],
)
EVALUATION = EvaluationReport(**COMMON, seed=0, fold="1", chance=50.0)


def reproduction(**changes):
    """The report of a reproduction with other parts."""
    return replace(REPRODUCTION, **changes)


def evaluation(**changes):
    """The report of an evaluation with other parts."""
    return replace(EVALUATION, **changes)
