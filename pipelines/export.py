"""`python -m pipelines.export`: the defended classifier, where TF Serving finds it."""

from __future__ import annotations

from pathlib import Path

from kerasser.util.errors import InputError
from pipelines.cli.main import main
from pipelines.config import ExportSettings
from pipelines.engine.loading import load_tensorflow
from pipelines.engine.run_log import current

DESCRIPTION = (
    "Trains the classifier and its defence, measures and validates what would be served, and publishes it as a new "
    "version."
)


def export(settings: ExportSettings) -> None:
    """Runs the DAG up to the pushed version, or rolls the newest one back."""
    from kerasser.serving import versions
    from pipelines.components.pusher import check_name

    name = settings.corpus if settings.model is None else settings.model
    base = Path(settings.models_dir).expanduser().resolve() / check_name(name)
    if settings.rollback:
        withdrawn, served = versions.roll_back(base)
        current().say(f"version {withdrawn} is withdrawn, version {served} is served again")
        current().finish(base / str(served))
        return
    load_tensorflow()
    from kerasser.defences import chosen, gan
    from pipelines.dag import Dag
    from pipelines.publication import push
    from pipelines.run import one_and_all, run, tell_companions

    wanted = chosen(settings.defence, [gan.NAME])
    if len(wanted) > 1:
        raise InputError(f"defence: expected one to be published. Received: {', '.join(wanted)}")
    fold, every_fold = one_and_all(settings)
    dag = Dag(settings, [fold], every_fold=every_fold)
    pusher = push(dag, wanted[0], base, settings.keep, settings.margin)
    tell_companions(settings, dag)
    pushed = run(settings, pusher)[pusher]["pushed"].properties
    current().say(f"{pushed['model']}, version {pushed['version']}; to serve it: {base.parent / 'docker-run.sh'}")
    current().finish(pushed["path"])


if __name__ == "__main__":
    main("export", DESCRIPTION, export, settings=ExportSettings)
