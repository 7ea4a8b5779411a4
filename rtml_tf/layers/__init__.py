"""Keras layers that the networks are built from."""
