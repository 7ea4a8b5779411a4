"""Objectives of test networks whose answer is known by hand."""

import tensorflow as tf

from rtml_tf.attacks.objective import Objective


class IdentityHead:
    """A margin head whose logits are the embeddings."""

    def logits(self, embeddings):
        return embeddings


class Linear(Objective):
    """Raises the sum of what the network gives."""

    def prepare(self, network, batch, *, seed):
        return lambda outputs: tf.reduce_sum(outputs, axis=1)
