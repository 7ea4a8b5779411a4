"""Tests of the attacks on rankings: what the search finds, and how it is measured."""

from functools import partial

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from scipy.spatial.distance import cdist
from sklearn import preprocessing

from rtml_tf.attacks.projected_gradient_descent import ProjectedGradientDescent
from rtml_tf.data.batches import OrderedBatches
from rtml_tf.data.source import ImageSource, Subset
from rtml_tf.evaluation.attacked_embeddings import AttackedEmbeddings
from rtml_tf.evaluation.embedding_attacks import EmbeddingShiftAttack, TargetedMismatchAttack
from rtml_tf.evaluation.embeddings import embed
from rtml_tf.evaluation.rank_attacks import CandidateAttack, QueryAttack
from rtml_tf.evaluation.ranked_images import RankedImages
from rtml_tf.evaluation.top_rank_attacks import (
    GreedyMisrankingAttack,
    GreedyTranslocationAttack,
    LearningToMisrankAttack,
)
from rtml_tf.layers.l2_normalization import L2Normalization

WEIGHTS = np.array([0.5, -1.0, 0.0, 2.0], np.float32)
EPSILON = 0.002
# The largest change of `<w, x>`, a quarter of the least distance of two images.
SHIFT = EPSILON * np.abs(WEIGHTS).sum()
IMAGES = 40


class _Line(ImageSource):
    """Images of four pixels whose `<w, x>` are spread evenly over [-0.6, 0.6]."""

    def __init__(self):
        generator = np.random.default_rng(0)
        pixels = generator.uniform(0.3, 0.7, (IMAGES, 4)).astype(np.float32)
        wanted = np.linspace(-0.6, 0.6, IMAGES) + 0.75
        pixels[:, 3] += (wanted - pixels @ WEIGHTS) / WEIGHTS[3]
        self._pixels = pixels[generator.permutation(IMAGES)].reshape(-1, 2, 2, 1)
        self.labels = (np.arange(IMAGES) % 4).astype(np.int32)
        self.class_names = ("a", "b", "c", "d")
        self.keys = tuple(map(str, range(IMAGES)))
        self.image_shape = (2, 2, 1)

    def load(self, index):
        return tf.ensure_shape(tf.gather(self._pixels, index), self.image_shape)


def _linear_network():
    """Linear in the pixels, `(<w, x> + b, 1)`, and then brought to unit length."""
    dense = tf.keras.layers.Dense(2)
    network = tf.keras.Sequential(
        [tf.keras.Input((2, 2, 1)), tf.keras.layers.Flatten(), dense, L2Normalization()]
    )
    dense.set_weights([np.stack([WEIGHTS, np.zeros(4)], axis=1), np.array([-0.75, 1.0])])
    return network


def _relu(values):
    return np.maximum(values, 0.0)


# What an attack raises, by its definition: of an embedding `e` of the attacked image at the place
# `own`, with the place of its partner, in the gallery with embeddings `x` and labels `y`.


def _candidate_value(e, own, partner, x, y, *, upwards):
    violated = np.linalg.norm(x[partner] - e) - np.linalg.norm(x[partner] - x, axis=1)
    return -_relu(violated if upwards else -violated).mean()


def _query_value(e, own, partner, x, y, *, upwards):
    distances = np.linalg.norm(e - x, axis=1)
    violated = distances[partner] - distances
    return -_relu(violated if upwards else -violated).mean()


def _misranking_value(e, own, partner, x, y):
    distances = np.linalg.norm(e - x, axis=1)
    same = (y == y[own]) & (np.arange(len(y)) != own)
    return -_relu(distances[y != y[own]].max() - distances[same].min())


def _nearness_value(e, own, partner, x, y):
    return -np.linalg.norm(x[partner] - e)


def _shift_value(e, own, partner, x, y):
    return np.linalg.norm(e - x[own])


def _partners(attack):
    """The place of each image's partner, from what the objective reads."""
    for name in ("query", "candidate"):
        if name in attack.entries:
            return attack.entries[name][:, 0]
    for name in ("reference_embedding", "target_embedding"):
        if name in attack.entries:
            return cdist(attack.entries[name], attack.images.embeddings).argmin(axis=1)
    return attack.images.attacked


class LinearEmbeddingTest(tf.test.TestCase, parameterized.TestCase):
    """The best perturbation of `<w, x>` is `epsilon sign(w)` or its opposite; no image comes so far
    that it meets another one, so whichever is better at full length is the best."""

    @parameterized.parameters(
        (
            partial(CandidateAttack, upwards=True, seed=(0,)),
            partial(_candidate_value, upwards=True),
        ),
        (
            partial(CandidateAttack, upwards=False, seed=(0,)),
            partial(_candidate_value, upwards=False),
        ),
        (partial(QueryAttack, upwards=True, seed=(0,)), partial(_query_value, upwards=True)),
        (partial(QueryAttack, upwards=False, seed=(0,)), partial(_query_value, upwards=False)),
        (partial(TargetedMismatchAttack, seed=(0,)), _nearness_value),
        (EmbeddingShiftAttack, _shift_value),
        (LearningToMisrankAttack, _misranking_value),
        (GreedyMisrankingAttack, _nearness_value),
        (GreedyTranslocationAttack, partial(_query_value, upwards=False)),
    )
    def test_the_search_finds_the_best_perturbation(self, build, value):
        source, network = _Line(), _linear_network()
        places = np.random.default_rng(1).permutation(IMAGES)[:20]
        embeddings, labels = embed(network, OrderedBatches(source=source))
        attack = build(RankedImages(embeddings=embeddings, labels=labels, attacked=places))

        found = AttackedEmbeddings(
            network=network, image_shape=source.image_shape, objective=attack.objective
        ).embed(
            OrderedBatches(source=Subset(source, places), batch_size=7),
            attack.entries,
            attack=ProjectedGradientDescent(epsilon=EPSILON, steps=4, random_start=False),
            epsilon=EPSILON,
            seed=0,
        )

        at_goal = 0
        for own, partner, e in zip(places, _partners(attack), found):
            clean = embeddings[own, 0] / embeddings[own, 1]
            ends = preprocessing.normalize([[clean - SHIFT, 1], [clean, 1], [clean + SHIFT, 1]])
            low, middle, high = (value(end, own, partner, embeddings, labels) for end in ends)
            if max(low, high) <= middle:
                at_goal += 1
                continue
            self.assertAllClose(abs(e[0] / e[1] - clean), SHIFT, rtol=1e-3)
            at_end = value(e, own, partner, embeddings, labels)
            self.assertAllClose(at_end, max(low, high), atol=0.02 * (max(low, high) - middle))
        # Misranking images at the end of the line have reached their goal.
        self.assertLessEqual(at_goal, 4 * (value is _misranking_value))


class MeasureTest(tf.test.TestCase, parameterized.TestCase):
    """Embeddings of any attacked images against loops over sorted distances."""

    def setUp(self):
        super().setUp()
        generator = np.random.default_rng(0)
        unit = preprocessing.normalize(generator.normal(size=(100, 3))).astype(np.float32)
        self.images = RankedImages(
            embeddings=unit[:60], labels=np.arange(60) % 3, attacked=np.arange(5, 45)
        )
        # Not so far from the clean ones that everything is lost.
        self.attacked = preprocessing.normalize(unit[5:45] + 0.3 * unit[60:])

    def _position(self, query, candidate, own, partner):
        """How many of the gallery, but for these two, are before the candidate."""
        distances = np.linalg.norm(self.images.embeddings - query, axis=1)
        distances[[own, partner]] = np.inf
        return np.sum(distances < np.linalg.norm(candidate - query))

    @parameterized.product(kind=(CandidateAttack, QueryAttack), upwards=(True, False))
    def test_ranks(self, kind, upwards):
        attack = kind(self.images, upwards=upwards, seed=(1, 2))
        positions = []
        for own, partner, moved in zip(self.images.attacked, _partners(attack), self.attacked):
            other = self.images.embeddings[partner]
            pair = (other, moved) if kind is CandidateAttack else (moved, other)
            positions.append(self._position(*pair, own, partner))
        name = ("CA" if kind is CandidateAttack else "QA") + ("+" if upwards else "-")
        self.assertAllClose(
            attack.measure(self.attacked), {name: 100 * np.mean(positions) / 58}, rtol=1e-6
        )

    def test_similarity_and_distance(self):
        attack = TargetedMismatchAttack(self.images, seed=(1, 2))
        targets = self.images.embeddings[_partners(attack)]
        cosine = 1 - np.diag(cdist(self.attacked, targets, "cosine")).mean()
        self.assertAllClose(attack.measure(self.attacked), {"TMA": cosine}, atol=1e-6)
        shift = np.diag(cdist(self.attacked, self.images.embeddings[5:45])).mean()
        figures = EmbeddingShiftAttack(self.images).measure(self.attacked)
        self.assertAllClose(figures["ES:D"], shift, atol=1e-6)

    @parameterized.parameters(
        (EmbeddingShiftAttack, "ES:R"),
        (LearningToMisrankAttack, "LTM"),
        (GreedyMisrankingAttack, "GTM"),
    )
    def test_recalls(self, kind, name):
        distances = cdist(self.attacked, self.images.embeddings)
        distances[np.arange(40), self.images.attacked] = np.inf
        right = self.images.labels[distances.argmin(axis=1)] == self.images.labels[5:45]
        self.assertBetween(right.mean(), 0.1, 0.9)
        found = kind(self.images).measure(self.attacked)[name]
        self.assertAllClose(found, 100 * right.mean())

    def test_retained(self):
        clean = cdist(self.images.clean, self.images.embeddings)
        moved = cdist(self.attacked, self.images.embeddings)
        for distances in (clean, moved):
            distances[np.arange(40), self.images.attacked] = np.inf
        first = clean.argmin(axis=1)[:, np.newaxis]
        place = (np.argsort(moved, axis=1) == first).argmax(axis=1)
        self.assertContainsSubset([0, 3, 4], place)
        retained = place < 4
        found = GreedyTranslocationAttack(self.images).measure(self.attacked)
        self.assertAllClose(found, {"GTT": 100 * retained.mean()})


if __name__ == "__main__":
    tf.test.main()
