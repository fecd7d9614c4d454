"""Metrics, intervals, and the error against noise."""
