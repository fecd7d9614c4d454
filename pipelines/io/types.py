"""The artifacts that flow between the components."""

from pipelines.engine.artifacts import ArtifactType

UTTERANCES = ArtifactType("Utterances")
FOLDS = ArtifactType("Folds")
NOISE = ArtifactType("Noise")
EXAMPLES = ArtifactType("Examples")
# A SavedModel, an archive and event files hold times and random ids; weights.npz and the rest do not.
MODEL = ArtifactType("Model", volatile=("saved_model", "model.keras", "logs"))
GENERATOR = ArtifactType("Generator", volatile=("saved_model", "model.keras", "logs"))
PERTURBATION = ArtifactType("Perturbation", volatile=("saved_model",))
PERCEPTION = ArtifactType("Perception")
SOUNDS = ArtifactType("Sounds")
EVALUATION = ArtifactType("Evaluation")
ANSWERS = ArtifactType("Answers")
REPORT = ArtifactType("Report")
# All of an export counts, so that what is blessed is what is pushed.
EXPORT = ArtifactType("Export")
BLESSING = ArtifactType("Blessing")
PUSHED = ArtifactType("Pushed")
