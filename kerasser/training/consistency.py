"""Training of a classifier that is to answer an utterance's versions alike, as in AugMix (Hendrycks et al. 2020)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from kerasser.models.consistency import cross_entropy, jensen_shannon
from kerasser.training.recall import UnweightedAverageRecall


@dataclass(frozen=True)
class Consistency:
    """What a step minimises beside, or in place of, the mean cross-entropy of an utterance's versions.

    Attributes:
        weight: Of the Jensen–Shannon divergence of their answers; 0 leaves it out.
        worst: Whether the hardest version alone counts in the cross-entropy.
    """

    weight: float
    worst: bool = False


class ConsistentClassifier(keras.Model):
    """Trains a classifier on several versions of each utterance in one step.

    The loss of an utterance is its cross-entropy plus the weighted divergence of its versions' answers.

    Args:
        classifier: From `{"features" [batch, frames, dimension], "lengths" [batch]}` to logits `[batch, classes]`.
        classes: Number of classes.
        terms: What a step minimises.
    """

    def __init__(self, classifier: keras.Model, classes: int, terms: Consistency, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.classifier, self.terms = classifier, terms
        names = ("loss", "cross_entropy", "divergence", "entropy_clean", "entropy_adversarial")
        self._means = {name: keras.metrics.Mean(name=name) for name in names}
        self._recalls = {name: UnweightedAverageRecall(classes, name=name) for name in ("all", "clean", "adversarial")}
        self.built = True

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """What an epoch's figures are made of."""
        return [*self._means.values(), *self._recalls.values()]

    def train_step(self, data: Any) -> dict[str, Any]:
        """Updates the classifier once.

        Args:
            data: `{"features" [batch, versions, frames, dimension], "lengths" [batch], "labels" [batch],
                "weights" [batch]}`.
        """
        features, labels, weights = data["features"], data["labels"], data["weights"]
        versions = tf.shape(features)[1]
        # An LSTM's time on a CPU hardly depends on the batch, so all versions are one.
        flat = tf.reshape(features, tf.concat([[-1], tf.shape(features)[2:]], 0))
        inputs = {"features": tf.ensure_shape(flat, [None, None, features.shape[-1]])}
        inputs["lengths"] = tf.repeat(data["lengths"], versions)
        variables = self.classifier.trainable_variables
        with tf.GradientTape() as tape:
            answered = self.classifier(inputs, training=True)
            logits = tf.reshape(answered, [-1, versions, answered.shape[-1]])
            entropy, divergence = cross_entropy(logits, labels, self.terms.worst), jensen_shannon(logits)
            loss = tf.reduce_mean(weights * (entropy + self.terms.weight * divergence))
        gradients = tape.gradient(loss, variables)
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        count = tf.shape(labels)[0]
        for name, value in (("loss", loss), ("cross_entropy", entropy), ("divergence", divergence)):
            self._means[name].update_state(tf.reduce_mean(value), sample_weight=count)
        self._recalls["all"].update_state(tf.repeat(labels, versions), answered)
        figures = {name: self._means[name].result() for name in ("loss", "cross_entropy", "divergence")}
        return {**figures, "uar": self._recalls["all"].result()}

    def test_step(self, data: Any) -> dict[str, Any]:
        """Measures clean and adversarial speech apart; `loss` and `uar` are the means of both.

        Args:
            data: `({"features", "lengths", "adversarial" [batch]}, labels [batch])`, one version a row.
        """
        inputs, labels = data
        logits = self.classifier({name: inputs[name] for name in ("features", "lengths")}, training=False)
        entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        for name, members in (("clean", ~inputs["adversarial"]), ("adversarial", inputs["adversarial"])):
            self._means[f"entropy_{name}"].update_state(entropy, sample_weight=members)
            self._recalls[name].update_state(tf.boolean_mask(labels, members), tf.boolean_mask(logits, members))
        recalls = {name: self._recalls[name].result() for name in ("clean", "adversarial")}
        errors = {f"error_{name}": 100.0 - recall for name, recall in recalls.items()}
        losses = [self._means[f"entropy_{name}"].result() for name in recalls]
        return {"loss": sum(losses) / 2, "uar": sum(recalls.values()) / 2, **errors}
