"""How much of a training's time its TensorBoard log takes: of a classifier's and of a GAN's, each trained anew."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from kerasser.training.tensorboard.log import EventLog
from kerasser.training.tensorboard.pages import EventLogCallback, LogWriter
from pipelines.cli.main import main
from pipelines.config import Settings
from pipelines.dag import Dag
from pipelines.engine.component import Component
from pipelines.io import log_examples
from pipelines.models import Models
from pipelines.run import one_fold, run

DESCRIPTION = "Measures how much of a training's time goes into what TensorBoard shows."
_LOGGING = [
    *((log_examples, "contents"), (LogWriter, "begin"), (LogWriter, "look"), (LogWriter, "end")),
    *((EventLogCallback, "on_epoch_end"), (EventLog, "close")),
]


class _Watch:
    """Adds up the seconds in some functions; what one calls of the others counts once."""

    def __init__(self) -> None:
        self.seconds, self._inside = 0.0, False

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            if self._inside:
                return function(*arguments, **named)
            self._inside, start = True, time.monotonic()
            try:
                return function(*arguments, **named)
            finally:
                self.seconds += time.monotonic() - start
                self._inside = False

        return timed


@contextmanager
def _watching() -> Iterator[_Watch]:
    watch = _Watch()
    with ExitStack() as stack:
        for place, name in _LOGGING:
            stack.enter_context(mock.patch.object(place, name, watch(getattr(place, name))))
        yield watch


def benchmark(settings: Settings) -> None:
    """Prints a Markdown table, a row a training."""
    with tempfile.TemporaryDirectory() as output:
        settings = replace(settings, output_dir=output, logdir=None)
        fold = one_fold(settings)
        dag = Dag(settings, [fold])
        run(settings, dag.features, *dag.training_attacks(fold))
        models = Models(dag, fold, settings.seed)
        classifier = models.classifier()
        print("| training | seconds | of these for the log | share |")
        print("| --- | --- | --- | --- |")
        trainings: tuple[Component, ...] = (classifier, models.generator(classifier))
        for trained in trainings:
            with _watching() as watch:
                start = time.monotonic()
                run(settings, trained)
                took = time.monotonic() - start
            share = 100 * watch.seconds / took
            print(f"| {trained.id} | {took:.1f} | {watch.seconds:.1f} | {share:.1f} % |", flush=True)


if __name__ == "__main__":
    main("tensorboard_benchmark", DESCRIPTION, benchmark)
