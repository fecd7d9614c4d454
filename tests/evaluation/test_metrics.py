import audmetric
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasser.evaluation.metrics import confusion, guess_worst_of, is_correct, unweighted_average_recall
from kerasser.training.recall import UnweightedAverageRecall

ANSWERS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=3, max_size=60).map(
    lambda pairs: np.array([(0, 0), (1, 2), (2, 1), *pairs]).T
)

# Whatever the answers hold: a reference that infers the classes from them would leave an absent one out.
CLASSES = [0, 1, 2]


@given(ANSWERS)
def test_uar_is_what_audmetric_says(answers):
    truth, predicted = answers
    expected = 100 * audmetric.unweighted_average_recall(truth, predicted, labels=CLASSES)
    assert unweighted_average_recall(truth, truth == predicted, 3) == pytest.approx(expected)
    metric = UnweightedAverageRecall(3)
    for part in np.array_split(np.arange(truth.size), 2):
        metric.update_state(truth[part], np.eye(3)[predicted[part]])
    assert float(metric.result()) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("classes", [2, 3])
def test_a_model_that_answers_nothing_but_ties_is_as_good_as_a_guess(classes):
    labels = np.arange(12) % classes
    right = is_correct(labels, np.full((12, classes), 1 / classes).argmax(axis=1))
    assert right.tolist() == (labels == 0).tolist()
    assert unweighted_average_recall(labels, right, classes) == pytest.approx(100 / classes)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=60))
def test_confusion_is_what_audmetric_says_even_of_absent_classes(pairs):
    truth, predicted = np.array(pairs).T
    expected = audmetric.confusion_matrix(truth, predicted, labels=CLASSES)
    np.testing.assert_array_equal(confusion(truth, predicted, 3), expected)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("answer", [0, 1])
def test_a_model_that_always_says_one_class_scores_fifty(share, answer):
    truth = (np.arange(100) < 100 * share).astype(int)
    assert unweighted_average_recall(truth, truth == answer, 2) == 50.0


def test_a_class_without_utterances_leaves_the_figure_undefined():
    assert np.isnan(unweighted_average_recall(np.zeros(4, int), np.ones(4), 2))


def test_a_constant_answer_scores_no_hundred_where_a_class_is_absent():
    metric = UnweightedAverageRecall(2)
    metric.update_state(np.zeros(4, int), np.tile([1.0, 0.0], (4, 1)))
    assert np.isnan(metric.result())
    metric.update_state(np.ones(1, int), [[1.0, 0.0]])
    assert float(metric.result()) == 50.0


@pytest.mark.parametrize(("classes", "draws"), [(2, 1), (2, 9), (4, 3)])
def test_a_guesser_at_every_draw_errs_as_often_as_it_is_said(classes, draws):
    truth = np.arange(40000) % classes
    right = (np.random.default_rng(0).integers(classes, size=(draws, truth.size)) == truth).all(axis=0)
    assert guess_worst_of(classes, draws) == pytest.approx(
        100 - unweighted_average_recall(truth, right, classes), abs=1
    )
    assert guess_worst_of(2, 9) == pytest.approx(99.8, abs=0.01)
