"""Run folders, the training loop, checkpoints and summaries."""
