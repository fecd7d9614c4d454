"""Components, artifacts, the launcher and its cache."""
