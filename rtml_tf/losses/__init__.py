"""Metric losses, one family a file."""
