"""Tests of how replicas and workers divide the batches of an evaluation."""

from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.attacks.embedding_objectives import EmbeddingShiftObjective
from rtml_tf.attacks.metric_loss_objective import MetricLossObjective
from rtml_tf.attacks.projected_gradient_descent import ProjectedGradientDescent
from rtml_tf.data.array_source import ArraySource
from rtml_tf.data.batches import OrderedBatches
from rtml_tf.evaluation import division
from rtml_tf.evaluation.attacked_embeddings import AttackedEmbeddings
from rtml_tf.evaluation.embeddings import embed
from rtml_tf.layers.replicas import num_replicas, replica_index
from rtml_tf.losses.multi_similarity import MultiSimilarityLoss
from tests import two_cpus

_IMAGES = np.random.default_rng(0).uniform(size=(11, 4, 4, 1)).astype(np.float32)
_ATTACK = ProjectedGradientDescent(epsilon=0.1, steps=3, random_start=True)


def setUpModule():
    two_cpus.start()


def _batches(batch_size):
    labels = np.arange(len(_IMAGES)) % 3
    source = ArraySource(
        array=_IMAGES,
        labels=labels,
        keys=[str(number) for number in range(len(_IMAGES))],
        class_names=["a", "b", "c"],
    )
    return OrderedBatches(source=source, batch_size=batch_size)


def _network():
    tf.keras.utils.set_random_seed(0)
    return tf.keras.Sequential(
        [
            tf.keras.Input((4, 4, 1)),
            tf.keras.layers.Conv2D(3, 2, activation="tanh"),
            tf.keras.layers.BatchNormalization(),
            tf.keras.layers.Flatten(),
            tf.keras.layers.Dense(4),
        ]
    )


class _Place(tf.keras.layers.Layer):
    """Embeds every image as the replica that sees it, and how many it knows of."""

    def call(self, images):
        rows = tf.zeros([tf.shape(images)[0], 1])
        context = tf.distribute.get_replica_context()  # None while the network is built.
        index = 0 if context is None else context.replica_id_in_sync_group
        index = tf.cast(index, tf.float32)
        return tf.concat([rows + index, rows + num_replicas(), rows + replica_index()], axis=1)


def _attacked(objective):
    attacked = AttackedEmbeddings(network=_network(), image_shape=(4, 4, 1), objective=objective)
    clean, _ = embed(attacked.network, _batches(3))
    told = []
    entries = {} if isinstance(objective, MetricLossObjective) else {"clean_embedding": clean}
    embeddings = attacked.embed(
        _batches(3), entries, attack=_ATTACK, epsilon=0.1, seed=1, advance=told.append
    )
    return embeddings, sum(told)


class DivisionAmongReplicasTest(tf.test.TestCase, parameterized.TestCase):
    def test_replicas_take_batches_in_turns_and_do_not_meet(self):
        with two_cpus.mirrored_strategy().scope():
            network = tf.keras.Sequential([tf.keras.Input((4, 4, 1)), _Place()])
            places, labels = embed(network, _batches(3))
        self.assertAllEqual(places[:, 0], [0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1])
        self.assertAllEqual(places[:, 1:], [[1, 0]] * 11)
        self.assertAllEqual(labels, np.arange(11) % 3)

    @parameterized.parameters(1, 3, 4, 20)
    def test_embeddings_are_those_of_one_device(self, batch_size):
        expected, _ = embed(_network(), _batches(4))
        with two_cpus.mirrored_strategy().scope():
            embeddings, _ = embed(_network(), _batches(batch_size))
        self.assertAllClose(embeddings, expected, rtol=1e-5, atol=1e-6)

    @parameterized.named_parameters(
        ("of_each_image", EmbeddingShiftObjective()),
        ("of_a_batch", MetricLossObjective(loss=MultiSimilarityLoss())),
    )
    def test_attacks_are_those_of_one_device(self, objective):
        expected, _ = _attacked(objective)
        with two_cpus.mirrored_strategy().scope():
            embeddings, told = _attacked(objective)
        self.assertAllClose(embeddings, expected, rtol=1e-4, atol=1e-5)
        self.assertEqual(told, 4)


class _Exchange:
    """Plays the other workers, who have ones."""

    def __init__(self, index, count):
        self.index, self.count = index, count

    def joined_rows(self, matrix, sizes):
        assert len(matrix) == sizes[self.index], (matrix, sizes)
        parts = [np.ones((size, matrix.shape[1])) for size in sizes]
        parts[self.index] = matrix
        return np.concatenate(parts)


class DivisionAmongWorkersTest(tf.test.TestCase, parameterized.TestCase):
    def _division(self, index, count, batches, **arguments):
        with mock.patch.object(division, "WorkerExchange", lambda dtype: _Exchange(index, count)):
            return division.Division(batches, **arguments)

    @parameterized.parameters((1, 2), (2, 3), (3, 4), (11, 1), (4, 3), (5, 4))
    def test_every_batch_is_computed_once(self, batch_size, count):
        batches = _batches(batch_size)
        numbers, images = [], []
        for index in range(count):
            part = self._division(index, count, batches)
            own = [pair for group in part.groups() for pair in group]
            numbers += [number for number, _ in own]
            images += [batch["image"] for _, batch in own]
            if part.workers == 1:
                break
            joined = part.joined([np.full([len(x["label"]), 2], 1.0) for _, x in own])
            self.assertAllEqual(joined, np.ones([11, 2]))
        self.assertEqual(numbers, list(range(batches.steps)))
        self.assertAllEqual(np.concatenate(images), _IMAGES)

    def test_fewer_batches_than_workers_are_not_divided(self):
        for arguments in (
            {"batches": _batches(6)},
            {"batches": _batches(1), "among_workers": False},
        ):
            part = self._division(2, 3, **arguments)
            self.assertEqual(part.workers, 1)
            results = [x["image"].numpy()[:, 0, 0] for group in part.groups() for _, x in group]
            self.assertAllEqual(part.joined(results), _IMAGES[:, 0, 0])


if __name__ == "__main__":
    tf.test.main()
