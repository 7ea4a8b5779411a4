"""Figures of a finished network."""
