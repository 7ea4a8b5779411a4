"""Tests of what all classical methods have in common."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.classical.dama import DAMA
from rtml_tf.classical.mahalanobis import Mahalanobis
from rtml_tf.classical.metric_imitation import MetricImitation
from rtml_tf.classical.pca_lda import PCALDA
from rtml_tf.classical.ridge_imitation import RidgeImitation

_METHODS = (
    ("pca_lda", PCALDA(embedding_size=3, components=None)),
    ("mahalanobis", Mahalanobis(components=None)),
    ("dama", DAMA(embedding_size=3)),
    ("metric_imitation", MetricImitation(embedding_size=3)),
    ("ridge_imitation", RidgeImitation()),
)
_EXAMPLES = 60


class ClassicalMethodTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        rng = np.random.default_rng(0)
        classes = np.repeat(np.arange(5), 12)
        self.source = 2 * rng.normal(size=[5, 4])[classes] + rng.normal(size=[_EXAMPLES, 4])
        mixed = self.source @ rng.normal(size=[4, 12]) + rng.normal(size=[_EXAMPLES, 12])
        self.images = mixed.reshape(_EXAMPLES, 2, 3, 2).astype(np.float32)
        self.labels = np.where(rng.uniform(size=_EXAMPLES) < 0.5, classes, -1)

    def _fit(self, method, **changes):
        arguments = {"source": self.source, "target": self.images, "labels": self.labels}
        return method.fit(**(arguments | changes))

    @parameterized.named_parameters(*_METHODS)
    def test_the_order_of_examples_and_the_names_of_labels_do_not_matter(self, method):
        embeddings = self._fit(method)(self.images)
        order = np.random.default_rng(1).permutation(_EXAMPLES)
        renamed = np.where(self.labels >= 0, 90 - 10 * self.labels, -1)
        other = self._fit(
            method, source=self.source[order], target=self.images[order], labels=renamed[order]
        )(self.images)
        # An embedding is known up to the signs of its dimensions.
        self.assertAllClose(
            embeddings @ tf.transpose(embeddings), other @ tf.transpose(other), atol=1e-4
        )

    @parameterized.named_parameters(*_METHODS)
    def test_images_are_read_as_vectors(self, method):
        network = self._fit(method)
        self.assertEqual(network.input_shape, (None, 2, 3, 2))
        vectors = self.images.reshape(_EXAMPLES, 12)
        flat = self._fit(method, target=vectors)
        self.assertEqual(flat.input_shape, (None, 12))
        self.assertAllClose(network(self.images), flat(vectors), atol=1e-5)

    @parameterized.named_parameters(*_METHODS)
    def test_source_and_labels_matter_as_the_method_says(self, method):
        embeddings = self._fit(method)(self.images)
        rng = np.random.default_rng(1)
        for changed, matters in (
            ({"labels": rng.permutation(self.labels)}, method.uses_labels),
            ({"source": rng.permutation(self.source)}, method.uses_source),
        ):
            other = self._fit(method, **changed)(self.images)
            self.assertEqual(bool(np.abs(other - embeddings).max() > 1e-3), matters)

    @parameterized.parameters(
        (PCALDA, {"labels": np.full(_EXAMPLES, -1)}, "PCALDA needs labelled .* got 0 .* 0 classes"),
        (DAMA, {"labels": np.arange(_EXAMPLES)}, "two of one class .* got 60 .* of 60 classes"),
        (Mahalanobis, {"labels": np.zeros(_EXAMPLES, int)}, "got 60 .* of 1 classes"),
        (PCALDA, {"labels": np.zeros(3, int)}, r"one integer for each of 60 .* shape \(3,\)"),
        (PCALDA, {"labels": np.zeros(_EXAMPLES)}, "one integer for each .* got float64"),
        (PCALDA, {"labels": np.full(_EXAMPLES, -2)}, r"at least -1 \(no label\), got -2"),
        (RidgeImitation, {"source": None}, "RidgeImitation learns from a source, got none"),
        (RidgeImitation, {"source": np.ones([7, 2])}, r"\(7, 2\) and \(60, 2, 3, 2\)"),
        (DAMA, {"target": np.full([_EXAMPLES, 3], np.nan)}, "target must be finite"),
        (DAMA, {"target": np.ones(_EXAMPLES)}, r"must be \[N, F\] or \[N, H, W, C\], got \(60,\)"),
    )
    def test_refuses(self, method, changes, message):
        with self.assertRaisesRegex(ValueError, message):
            self._fit(method(), **changes)

    def test_refuses_a_size_that_is_none(self):
        for size in (0, -1, 2.0, True):
            with self.assertRaisesRegex(ValueError, "embedding_size must be a positive integer"):
                PCALDA(embedding_size=size)


if __name__ == "__main__":
    tf.test.main()
