import copy

import pytest

from kerasser.report import paper, reproduction

SCORE = {"error": 20.0, "interval": [10.0, 30.0]}
WORST = {"N": 3, "error": 40.0, "interval": None, "attack_success_rate": 30.0}
ROW = {**SCORE, "error_worst_of": WORST}
REPORT = {
    "corpus": "demo",
    "synthetic": True,
    "noise_synthetic": True,
    "folds": ["1", "2"],
    "seeds": [0],
    "versions": {"kerasser": "1"},
    "classes": ["negative", "positive"],
    "test_speakers": ["a", "b"],
    "clean": {"n": 10, **SCORE},
    "clean_defended": [
        {"defence": "none", "percent": 0.0, **SCORE},
        {"defence": "adversarial training", "percent": 100.0, **SCORE},
    ],
    "figure1": [
        {
            "noise": "cafe",
            "epsilon": 2.0,
            "snr_db_median": 9.0,
            **ROW,
            "attack_success_rate": 12.0,
            "clipped_share": 0.0,
        }
    ],
    "alarms": [],
    "threats": [
        {
            **{"defence": name, "epsilon": 2.0, "threat": threat, "queries": queries, "queries_mean": queries / 2},
            **{"radius": None, "error": error, "interval": None, "attack_success_rate": 10.0},
        }
        for name, errors in (("none", (30.0, 50.0, 50.0)), ("gan", (20.0, 25.0, 35.0)))
        for threat, queries, error in zip(
            ("oblivious", "grey-box", "adaptive, random search"), (0, 0, 9), errors, strict=True
        )
    ],
    "search_curve": [],
    "unseen": [],
    "skipped": {},
    "models": [],
    "settings": {
        "threats": {"white_box_steps": 0, "white_box_restarts": 1},
        "attack": {"seed": 0},
        "data": {"seed": 0},
    },
    "differences": [
        {
            "epsilon": 2.0,
            "draw": "worst",
            "first": "gan",
            "second": "none",
            "difference": -12.34,
            "interval": [-20.0, -4.0],
            "minimum_detectable": 9.87,
            "bootstrap": {"p": 0.001, "p_holm": 0.0004},
            "mcnemar": {"first_only": 9, "second_only": 1, "p": 0.02, "p_holm": 0.043},
        }
    ],
    "figure2": [{"noise": "cafe", "percent": p, "epsilon": 2.0, **ROW} for p in (0.0, 100.0)],
    "table2": [
        {
            "noise": "cafe",
            "epsilon": 2.0,
            "attacked": 50.0,
            "random_noise": 45.0,
            "interval": {"attacked": [40, 60], "random_noise": None},
            "worst_of": {
                "N": 3,
                "attacked": 70.0,
                "random_noise": None,
                "interval": {"attacked": None, "random_noise": None},
            },
        }
    ],
    "table3": [
        {
            "noise": noise,
            "epsilon": 2.0,
            "attacked": 50.0,
            "gan": 26.0,
            "clean": 20.0,
            "clean_through_gan": 21.0,
            "recovered_share": 0.8,
            "interval": dict.fromkeys(("attacked", "gan", "clean_through_gan"), [1.0, 2.0])
            | {"recovered_share": [0.5, 0.9]},
            "worst_of": {
                "N": 3,
                "attacked": 70.0,
                "gan": 30.0,
                "recovered_share": None,
                "interval": {"attacked": None, "gan": None, "recovered_share": None},
            },
        }
        for noise in ("cafe", "mean")
    ],
    "figure3": [{"defence": d, "noise": "cafe", "epsilon": 2.0, **ROW} for d in ("none", "gan")],
    "ordering": [
        {
            "epsilon": 2.0,
            "draw": "mean",
            "order": ["gan", "none"],
            "holds": True,
            "p": 0.012,
            "pairs": [{"better": "gan", "worse": "none", "difference": -24.0, "interval": [-30.0, -10.0], "p": 0.012}],
        }
    ],
    "remarks": ["synthetic speech"],
}


def test_the_papers_figures_stand_beside_ours():
    text = reproduction.markdown(REPORT)
    (line,) = (line for line in text.splitlines() if line.startswith("| cafe | ε = 2 | mean | 50.0 [1.0, 2.0] | 26.0"))
    assert "0.80 [0.50, 0.90]" in line
    assert line.endswith("| 68.82 → 38.31 (0.82) | 65.87 → 49.20 (0.75) |")
    assert "| 56.87 → 54.02 | 64.58 → 56.73 |" in text
    assert "paper, FAU-AIBO: attacked → GAN | paper, IEMOCAP: attacked → GAN |" in text
    assert "ours − paper's" not in text and "Ours less the paper's" not in text


def test_a_corpus_of_the_paper_is_compared_with_its_own_figures():
    other = copy.deepcopy(REPORT) | {"corpus": "iemocap"}
    other["table3"].append({**other["table3"][0], "epsilon": 1.0})
    text = reproduction.markdown(other)
    head = "| recovered share | paper, IEMOCAP: attacked → GAN | attacked, ours − paper's | GAN, ours − paper's |"
    assert head in text and "FAU-AIBO: attacked" not in text
    # 50 − 65.87 and 26 − 49.20; 70 − 65.87 and 30 − 49.20.
    assert "| 0.80 [0.50, 0.90] | 65.87 → 49.20 (0.75) | -15.9 | -23.2 |" in text
    assert "| 65.87 → 49.20 (0.75) | +4.1 | -19.2 |" in text
    # 50 − 64.58 and 45 − 56.73; the worst of N has no figure for random noise.
    assert "| 64.58 → 56.73 | -14.6 | -11.7 |" in text and "| 64.58 → 56.73 | +5.4 | – |" in text
    # The largest error at ε = 2 is 20: 20 − 66.87; on clean speech 20 − 43.59.
    assert "Ours less the paper's, in points: -46.9 and -23.6." in text
    # The paper prints nothing at another ε, nor over the noises.
    (line,) = (line for line in text.splitlines() if line.startswith("| cafe | ε = 1 | mean |"))
    assert line.endswith("|  |  |  |")


def test_the_order_is_said_in_words_with_its_p():
    text = reproduction.markdown(REPORT)
    assert "GAN < none" in text
    assert "| budget | draw | order | p | GAN − none |" in text
    assert "| ε = 2 | mean | holds | 0.012 | -24.0 [-30.0, -10.0] |" in text
    other = copy.deepcopy(REPORT)
    other["ordering"][0] |= {"holds": False, "p": None}
    assert "| ε = 2 | mean | does not hold | – |" in reproduction.markdown(other)


def test_every_line_of_a_table_has_as_many_cells():
    columns = None
    for line in reproduction.markdown(REPORT).splitlines():
        if not line.startswith("|"):
            columns = None
            continue
        columns = columns or line.count("|")
        assert line.count("|") == columns, line


@pytest.mark.parametrize("missing", ["figure2", "table2", "table3", "ordering"])
def test_what_was_not_measured_is_left_out(missing):
    text = reproduction.markdown({**REPORT, missing: []})
    titles = {"figure2": "## Figure 2", "table2": "## Table 2", "table3": "## Table 3", "ordering": "order of errors"}
    assert titles[missing] not in text


@pytest.mark.parametrize(("corpus", "low", "high"), [("FAU-AIBO", 0.82, 0.90), ("IEMOCAP", 0.75, 0.90)])
def test_the_papers_recovered_shares_are_those_it_implies(corpus, low, high):
    shares = [paper.recovered_share(corpus, noise) for noise in paper.NOISES]
    assert (round(min(shares), 2), round(max(shares), 2)) == (low, high)


def test_few_speakers_are_said_to_allow_no_small_p():
    text = reproduction.markdown(REPORT)
    assert "2 speakers allow no p below 0.250." in text and "2 speakers allow no p below 0.500." in text
    assert "allow no p" not in reproduction.markdown(REPORT | {"test_speakers": list("abcdefghijkl")})


def test_how_certain_a_difference_is():
    text = reproduction.markdown(REPORT)
    assert "| ε = 2 | worst of N | GAN − none | -12.3 [-20.0, -4.0] | < 0.001 | 0.043 | 9.9 |" in text
    unusable = copy.deepcopy(REPORT)
    unusable["differences"][0] |= {"difference": None, "interval": None}
    assert "## Which differences are certain" not in reproduction.markdown(unusable)


def test_every_defence_meets_attackers_who_know_more():
    text = reproduction.markdown(REPORT)
    assert "N = 9 queries for each utterance" in text
    assert "| ε = 2 | GAN | 20.0 | 25.0 | 35.0 (4.5) |" in text


def test_alarms_are_printed_when_they_ring_and_silence_is_said():
    assert "No alarm rang. Tried: the model answers the same when it is asked again" in reproduction.markdown(REPORT)
    rung = [
        {"defence": "gan", "name": "costs_clean", "message": "It costs."},
        {"defence": "", "name": "duplicated", "message": "It is known."},
    ]
    text = reproduction.markdown(REPORT | {"alarms": rung})
    assert "**2 alarms rang.**" in text
    assert "- GAN: It costs.\n- It is known.\n" in text


def test_what_was_not_tried_is_not_said_to_have_been():
    def tried(**parts):
        (line,) = (line for line in reproduction.markdown(REPORT | parts).splitlines() if "Tried: " in line)
        return line

    figure1 = [{**REPORT["figure1"][0], "epsilon": epsilon} for epsilon in (1.0, 2.0)]
    row = REPORT["threats"][0]
    everything = [{**row, "threat": threat} for threat in ("oblivious", "adaptive, Bayesian search", "white-box")]
    for words, parts in {
        "the error grows": {"figure1": figure1},
        "noise that drowns speech": {"threats": everything},
        "a search finds more": {"threats": everything},
        "no black box beats": {"threats": everything},
        "gradients are there": {"threats": everything},
    }.items():
        assert words not in tried() and words in tried(**parts)
    assert "clean speech" in tried() and "test noise was trained on" in tried()
