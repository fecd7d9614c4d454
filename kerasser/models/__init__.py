"""Keras models and their layers."""
