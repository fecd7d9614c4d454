"""The page of a reproduction, as Markdown."""

import re
from dataclasses import replace

import numpy as np
import pytest

from kerasser.attack.budget import SNR, Epsilon
from kerasser.evaluation.report import ReproductionReport
from kerasser.evaluation.results import Alarm
from kerasser.report import document, paper, sections
from kerasser.report.sections import many_queries
from tests.report.samples import (
    EXAMPLE,
    REPRODUCTION,
    difference,
    evaluation,
    figure1,
    queries,
    reproduction,
    table3,
    threat,
)


def markdown(report=REPRODUCTION):
    return document.markdown(document.compose(report))


def test_the_papers_figures_stand_beside_ours():
    text = markdown()
    (line,) = (line for line in text.splitlines() if line.startswith("| cafe | ε = 2 | mean | 50.0 [1.0, 2.0] | 26.0"))
    assert "0.80 [0.50, 0.90]" in line
    assert line.endswith("| 68.82 → 38.31 (0.82) | 65.87 → 49.20 (0.75) |")
    assert "| 56.87 → 54.02 | 64.58 → 56.73 |" in text
    assert "paper, FAU-AIBO: attacked → GAN | paper, IEMOCAP: attacked → GAN |" in text
    assert "ours − paper's" not in text and "Ours less the paper's" not in text


def test_a_corpus_of_the_paper_is_compared_with_its_own_figures():
    other = reproduction(corpus="iemocap", table3=[*REPRODUCTION.table3, table3(budget=Epsilon(1))])
    text = markdown(other)
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
    text = markdown()
    assert "GAN < none" in text
    assert "| budget | draw | order | p | GAN − none |" in text
    assert "| ε = 2 | mean | holds | 0.012 | -24.0 [-30.0, -10.0] |" in text
    other = reproduction(ordering=[replace(REPRODUCTION.ordering[0], holds=False, p=None)])
    assert "| ε = 2 | mean | does not hold | – |" in markdown(other)


def test_every_line_of_a_table_has_as_many_cells():
    columns = None
    for line in markdown().splitlines():
        if not line.startswith("|"):
            columns = None
            continue
        columns = columns or line.count("|")
        assert line.count("|") == columns, line


@pytest.mark.parametrize("missing", ["figure2", "table2", "table3", "ordering"])
def test_what_was_not_measured_is_left_out(missing):
    text = markdown(reproduction(**{missing: []}))
    titles = {"figure2": "## Figure 2", "table2": "## Table 2", "table3": "## Table 3", "ordering": "order of errors"}
    assert titles[missing] not in text


@pytest.mark.parametrize(("corpus", "low", "high"), [("FAU-AIBO", 0.82, 0.90), ("IEMOCAP", 0.75, 0.90)])
def test_the_papers_recovered_shares_are_those_it_implies(corpus, low, high):
    shares = [paper.recovered_share(corpus, noise) for noise in paper.NOISES]
    assert (round(min(shares), 2), round(max(shares), 2)) == (low, high)


def test_few_speakers_are_said_to_allow_no_small_p():
    text = markdown()
    assert "2 speakers allow no p below 0.250." in text and "2 speakers allow no p below 0.500." in text
    assert "allow no p" not in markdown(reproduction(test_speakers=list("abcdefghijkl")))


def test_how_certain_a_difference_is():
    text = markdown()
    assert "| ε = 2 | worst of N | GAN − none | -12.3 [-20.0, -4.0] | < 0.001 | 0.043 | 9.9 |" in text
    unusable = reproduction(differences=[difference(value=None, interval=None)])
    assert "## Which differences are certain" not in markdown(unusable)


def test_every_defence_meets_attackers_who_know_more():
    text = markdown()
    assert "N = 9 queries for each utterance" in text
    assert "| ε = 2 | GAN | 20.0 | 25.0 | 35.0 (4.5) |" in text


def test_alarms_are_printed_when_they_ring_and_silence_is_said():
    assert re.search("No alarm rang. Tried: .*the model answers the same when it is asked again", markdown())
    rung = [
        Alarm(defence="gan", name="costs_clean", message="It costs."),
        Alarm(defence="", name="duplicated", message="It is known."),
        Alarm(name="not_growing", message="It falls."),
    ]
    text = markdown(reproduction(alarms=rung))
    assert "**3 alarms rang.**" in text
    assert "- GAN: It costs.\n- It is known.\n- It falls.\n" in text


def test_what_was_not_tried_is_not_said_to_have_been():
    def tried(**parts):
        (line,) = (line for line in markdown(reproduction(**parts)).splitlines() if "Tried: " in line)
        return line

    rows = [figure1(budget=Epsilon(value)) for value in (1, 2)]
    everything = [threat("none", name, 30.0, 9) for name in ("oblivious", "adaptive, Bayesian search", "white-box")]
    settings = REPRODUCTION.settings
    drowning = settings | {"threats": settings["threats"] | {"extreme_noise": {}}}
    for words, parts in {
        "the error grows": {"figure1": rows},
        "noise that drowns speech": {"threats": everything, "settings": drowning},
        "a search finds more": {"threats": everything},
        "no black box beats": {"threats": everything},
        "gradients are there": {"threats": everything},
    }.items():
        assert words not in tried() and words in tried(**parts)
    assert "clean speech" in tried() and "test noise was trained on" in tried()


def test_the_coverage_of_intervals_is_the_setting():
    settings = REPRODUCTION.settings
    for confidence, said in ((0.9, "90 %"), (0.995, "99.5 %"), (0.95, "95 %")):
        changed = settings | {"evaluation": {"confidence": confidence}}
        many = {"settings": changed, "test_speakers": list("abcdefghijkl")}
        for report in (reproduction(**many), evaluation(**many)):
            text = markdown(report)
            assert f"brackets hold {said} bootstrap intervals over" in text
            assert confidence == 0.95 or "95 %" not in text.replace(said, "")


def test_search_and_unseen_noise_stand_with_the_threat_models():
    text = markdown()
    assert "| budget | defence | random, 2 | Bayesian, 2 | random, 4 | Bayesian, 4 |" in text
    assert "| ε = 2 | GAN | 20.0 | 24.0 | 40.0 | 48.0 |" in text
    assert "| ε = 2 | GAN | all | 10.0 | 20.0 |" in text and "| ε = 2 | GAN | all but cafe | **30.0** | 40.0 |" in text
    rows = [threat("none", "white-box", 90.0, radius=0.5), threat("none", "unseen environment", 20.0)]
    text = markdown(reproduction(threats=rows, search_curve=[], unseen=[]))
    assert "White box: 3 steps × 2 restarts." in text and "| ε = 2 | none | 90.0 (r = 0.50) | 20.0 |" in text
    assert "What trains on no environment" in text and "How efficient" not in text and "never heard" not in text


def counted(report, counts):
    threats = report.settings["threats"] | {"many_queries": {"counts": counts}}
    return replace(report, settings=report.settings | {"threats": threats})


def test_the_error_by_queries_is_told_at_the_counts_that_were_asked_for():
    rows = [*queries("none"), *queries("gan", share=0.25)]
    text = markdown(counted(reproduction(many_queries=rows), [12, 3]))
    assert "## Error against queries" in text and "| budget | defence | worst of 3 | worst of 12 |" in text
    assert "| 10 dB | GAN | 15.0 [3.0, 18.0] | 60.0 [12.0, 72.0] |" in text
    assert "| 10 dB | GAN | 0.25 [0.15, 0.35] | 0.25 [0.15, 0.35] |" in text and "recovered share" in text
    text = markdown(counted(evaluation(many_queries=queries()), [12]))
    assert "| 10 dB | none | 60.0 [12.0, 72.0] |" in text and "recovered share" not in text
    assert "Error against queries" not in markdown()


def test_the_error_by_queries_is_drawn_with_a_panel_a_ratio_and_the_worst_of_as_many_guesses():
    rows = [each for budget in (SNR(10), SNR(0)) for each in queries("gan", budget=budget)]
    figure = many_queries.draw(reproduction(many_queries=rows))
    assert [axes.get_title() for axes in figure.axes] == [f"{n} dB signal-to-noise ratio" for n in (10, 0)]
    for axes in figure.axes:
        (line,) = (each for each in axes.lines if list(each.get_xdata()) == list(range(1, 13)) and each.get_ls() == "-")
        np.testing.assert_allclose(line.get_ydata(), 5.0 * np.arange(1, 13))
        (guess,) = (each for each in axes.lines if each.get_ls() == "-.")
        np.testing.assert_allclose(guess.get_ydata(), [100 - 100 * 0.5**n for n in range(1, 13)])


def test_noise_that_no_training_heard_is_named():
    rows = [threat("none", name, 20.0) for name in ("unseen recording", "unseen environment")]
    heard = {"bus": "environment", "a_b": "environment", "cafe": "recording"}
    text = markdown(reproduction(threats=rows, unseen=[], unheard=heard))
    assert (
        "No training heard these environments: bus, a\\_b. Of these it heard other recordings than test: cafe." in text
    )
    assert "What trains on no environment" not in text
    assert "- **unseen recording**: one random piece of recordings that no training heard" in text
    text = markdown(reproduction(threats=rows, unseen=[], unheard={"cafe": "recording"}))
    assert "What trains on no environment" in text and "No training heard these" not in text


def test_every_kind_of_report_begins_with_its_figures_and_ends_with_their_origin():
    for report, first in ((REPRODUCTION, "How to read the figures"), (evaluation(), "Error against noise")):
        titles = [line[3:] for line in markdown(report).splitlines() if line.startswith("## ")]
        assert (titles[0], titles[-1]) == (first, "How to make this again")
        assert titles == [part.title for part in document.compose(report).parts]
    places = [section.place for section in sections.of(ReproductionReport)]
    assert len(set(places)) == len(places) == 15


def test_gradients_to_the_sound_have_both_errors_and_name_the_white_box_on_features():
    (plain,) = (threat("none", "white-box (waveform)", 75.0),)
    found = replace(plain, utterances=16, graph_error=80.04, drawn_error=25.0, snr_db_median=9.96)
    text = markdown(reproduction(threats=[threat("none", "white-box", 90.0, radius=0.5), found]))
    assert "| budget | defence | white-box (features) | white-box (waveform) |" in text
    assert "| ε = 2 | none | white-box (waveform) | 16 | 80.0 | 75.0 | 25.0 | 10.0 |" in text
    assert "- **white-box (features)**: projected gradient descent on the features" in text
    assert "| white-box (waveform) | all | 80.0 |" in markdown(reproduction(threats=[replace(found, utterances=None)]))
    assert "Gradients to the sound" not in markdown(reproduction(threats=[plain]))
    both = [plain, threat("none", "worst mixture", 60.0)]
    assert markdown(reproduction(threats=both)).count("gradients reach the sound") == 1


def test_sounds_of_an_attacker_are_told_from_those_under_random_draws():
    assert "the very 16 bits" not in markdown(reproduction(sounds=[EXAMPLE]))
    assert "the very 16 bits" in markdown(reproduction(sounds=[EXAMPLE, replace(EXAMPLE, noise="worst mixture")]))
