"""Adversarial attacks on embedding networks."""
