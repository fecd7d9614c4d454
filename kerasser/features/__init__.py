"""Acoustic features: front ends, and frames on disk."""
