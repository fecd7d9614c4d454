"""The artifacts that flow between the components."""

from pipelines.artifacts import ArtifactType

UTTERANCES = ArtifactType("Utterances")
FOLDS = ArtifactType("Folds")
NOISE = ArtifactType("Noise")
EXAMPLES = ArtifactType("Examples")
# A SavedModel, an archive and event files hold times and random ids; weights.npz and the rest do not.
MODEL = ArtifactType("Model", volatile=("saved_model", "model.keras", "logs"))
GENERATOR = ArtifactType("Generator", volatile=("model.keras", "logs"))
EVALUATION = ArtifactType("Evaluation")
REPORT = ArtifactType("Report")
