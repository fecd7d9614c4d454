"""Listening tests: whether people can tell attacked speech from clean."""
