"""A frozen teacher's embeddings of a data set, computed once."""

import os

import tensorflow as tf
from absl import logging

from rtml_tf.data.array_cache import ArrayCache
from rtml_tf.data.array_source import ArraySource
from rtml_tf.data.batches import OrderedBatches
from rtml_tf.data.fingerprint import source_fingerprint
from rtml_tf.data.source import ImageSource
from rtml_tf.evaluation.embeddings import embed
from rtml_tf.networks.fingerprint import network_fingerprint


def teacher_embeddings(
    *,
    teacher: tf.keras.Model,
    source: ImageSource,
    batch_size: int = 256,
    cache_dir: str | os.PathLike[str] | None = None,
) -> ArraySource:
    """The examples of a source as a teacher embeds them, for a `DistillationModel` without one.

    Each example is embedded once, in inference mode, and kept on disk under the teacher's
    configuration and weights and the source's names and values; another teacher, other images or
    another preprocessing of them is computed anew. Steps then cost what the student costs.

    The teacher sees every example as the source gives it and never augmented. Augmentation of
    such batches changes the student's view alone: the student learns to embed any augmented form
    of an image where the teacher has the plain one, so it learns not to notice what the
    augmentation changes, whatever the teacher would have made of it. A teacher in the loop is
    shown the augmented image itself: the student then learns what the teacher does, on more
    images. The two differ most where the teacher is not invariant.

    Args:
        teacher: What is embedded with.
        source: What is embedded: the source views of the examples.
        batch_size: Examples embedded at once; does not change the result beyond rounding.
        cache_dir: Where embeddings are kept; None for `$RTML_TF_CACHE`, else
            `$XDG_CACHE_HOME/rtml_tf`, else `~/.cache/rtml_tf`.

    Returns:
        The embeddings, float32 `[N, D]` in memory, as a source with the keys and labels of
        `source`.

    Raises:
        ValueError: If the teacher does not take the source's examples.
    """

    def compute() -> dict:
        logging.info("Embedding %d examples with the teacher; this happens once.", len(source))
        batches = OrderedBatches(source=source, batch_size=batch_size)
        # Another worker may have them already.
        return {"embeddings": embed(teacher, batches, among_workers=False)[0]}

    key = {"teacher": network_fingerprint(teacher), "source": source_fingerprint(source)}
    return ArraySource(
        keys=source.keys,
        labels=source.labels,
        class_names=source.class_names,
        array=ArrayCache(cache_dir).get("teacher_embeddings", key, compute)["embeddings"],
    )
