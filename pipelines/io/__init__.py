"""Artifacts read and written: tables, shards, folds."""
