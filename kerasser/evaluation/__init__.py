"""Metrics, intervals, tests, the error against noise, and signs that it means nothing."""
