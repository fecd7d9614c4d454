"""Flags, YAML files and errors of one line for all commands."""
