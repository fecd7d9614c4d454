"""The attack: real noise matched to an utterance's own background."""
