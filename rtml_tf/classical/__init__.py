"""Metrics that are found in closed form: linear embeddings from labels or from a teacher."""
