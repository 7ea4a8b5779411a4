import json

import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized
from scipy import special

from rtml_tf.losses import margin_softmax, partial_softmax, sphereface
from rtml_tf.losses.partial_softmax import PartialSoftmaxLoss, sampled_classes

EMBEDDINGS = np.random.RandomState(0).normal(size=(7, 4)).astype(np.float32)
WEIGHTS = np.random.RandomState(1).normal(size=(6, 4)).astype(np.float32)
LABELS = np.array([0, 5, 2, 2, 1, 5, 0], np.int32)


def partial(loss, **options):
    loss = PartialSoftmaxLoss(loss=loss(num_classes=6), **options)
    loss.build(EMBEDDINGS.shape)
    loss.class_weights.own.rows.assign(WEIGHTS)
    return loss


def loss_and_gradients(loss, variable):
    embeddings = tf.constant(EMBEDDINGS)
    with tf.GradientTape() as tape:
        tape.watch(embeddings)
        value = loss(embeddings, LABELS)
    return value, *tape.gradient(value, [embeddings, variable])


class SampledClassesTest(tf.test.TestCase):
    def sample(self, labels, size, seed=0, num_classes=10):
        return sampled_classes(
            tf.constant(labels, tf.int32), num_classes=num_classes, size=size, seed=[seed, 1]
        ).numpy()

    def test_keeps_the_classes_of_the_batch_and_fills_up_with_others(self):
        for seed in range(20):
            classes = self.sample([7, 3, 7, -4, 12], 6, seed)
            self.assertAllEqual(classes, np.unique(classes))
            self.assertLen(classes, 6)
            self.assertContainsSubset([3, 7], classes)
            self.assertAllInRange(classes, 0, 9)

    def test_every_other_class_is_drawn_as_often(self):
        """Of 8 negatives 4 are drawn: each with probability 1/2; 5 standard deviations."""
        counts = np.zeros(10)
        for seed in range(400):
            counts[self.sample([7, 3], 6, seed)] += 1
        self.assertAllEqual(counts[[3, 7]], [400, 400])
        self.assertAllClose(np.delete(counts, [3, 7]), [200] * 8, atol=50, rtol=0)

    def test_a_batch_of_more_classes_keeps_them_all(self):
        self.assertAllEqual(self.sample([1, 8, 4, 4], 2), [1, 4, 8])

    def test_all_classes(self):
        self.assertAllEqual(self.sample([1], 10), np.arange(10))

    def test_depends_on_nothing_but_the_seed(self):
        self.assertAllEqual(self.sample([1], 5, seed=3), self.sample([1], 5, seed=3))
        self.assertNotAllEqual(self.sample([1], 5, seed=3), self.sample([1], 5, seed=4))


class PartialSoftmaxTest(tf.test.TestCase, parameterized.TestCase):
    def test_parts_join_to_the_cross_entropy_of_all_classes(self):
        """Cross-entropy of scaled cosines minus a margin, by SciPy, over classes in three parts."""
        rows = WEIGHTS / np.linalg.norm(WEIGHTS, axis=1, keepdims=True)
        embeddings = EMBEDDINGS / np.linalg.norm(EMBEDDINGS, axis=1, keepdims=True)
        logits = embeddings @ rows.T - 0.3 * (LABELS[:, np.newaxis] == np.arange(6))
        logits = 9.0 * logits.astype(np.float64)
        expected = special.logsumexp(logits, axis=1) - logits[np.arange(7), LABELS]

        parts = []
        for first, end in ((0, 1), (1, 4), (4, 6)):
            here = (LABELS >= first) & (LABELS < end)
            parts.append(
                partial_softmax.softmax_parts(
                    EMBEDDINGS,
                    np.where(here, LABELS - first, -1),
                    WEIGHTS[first:end],
                    scale=9.0,
                    margin=lambda cosine: cosine - 0.3,
                )
            )
        loss = partial_softmax.joined_cross_entropy(tf.stack(parts))
        self.assertAllClose(loss, expected.mean(), rtol=1e-5)

    @parameterized.parameters(
        margin_softmax.ArcFaceLoss, margin_softmax.CosFaceLoss, margin_softmax.NormalizedSoftmaxLoss
    )
    def test_of_all_classes_it_is_the_loss_that_it_is_made_of(self, family):
        whole = family(num_classes=6)
        whole.build(EMBEDDINGS.shape)
        whole.class_weights.assign(WEIGHTS)
        expected = loss_and_gradients(whole, whole.class_weights)
        loss = partial(family, sample_rate=1.0)
        self.assertAllClose(
            loss_and_gradients(loss, loss.class_weights.own.rows), expected, atol=1e-5
        )

    def test_of_some_classes_it_is_the_loss_without_the_others(self):
        loss = partial(margin_softmax.ArcFaceLoss, sample_rate=0.8)
        value, gradient, of_rows = loss_and_gradients(loss, loss.class_weights.own.rows)
        classes = of_rows.indices.numpy()
        self.assertLen(classes, 5)  # 0.8 * 6, rounded
        whole = margin_softmax.ArcFaceLoss(num_classes=5)
        whole.build(EMBEDDINGS.shape)
        whole.class_weights.assign(WEIGHTS[classes])
        embeddings = tf.constant(EMBEDDINGS)
        with tf.GradientTape() as tape:
            tape.watch(embeddings)
            expected = whole(embeddings, np.searchsorted(classes, LABELS))
        gradients = tape.gradient(expected, [embeddings, whole.class_weights])
        self.assertAllClose([value, gradient, of_rows.values], [expected, *gradients], atol=1e-5)

    def test_a_step_sees_one_sample_and_the_next_another(self):
        loss = partial(margin_softmax.ArcFaceLoss, sample_rate=0.5)
        seen = []
        for _ in range(12):
            values = {float(loss(EMBEDDINGS[:1], LABELS[:1])) for _ in range(2)}
            self.assertLen(values, 1)
            seen += values
            loss.update_state(EMBEDDINGS[:1], LABELS[:1])
        self.assertGreater(len(set(seen)), 3)

    def test_a_schedule_survives_the_configuration(self):
        schedule = tf.keras.optimizers.schedules.CosineDecay(0.5, 7)
        loss = partial(margin_softmax.ArcFaceLoss, learning_rate=schedule)
        config = json.loads(json.dumps(tf.keras.layers.serialize(loss)))
        copy = tf.keras.layers.deserialize(config)
        self.assertAllClose(copy.learning_rate(3), schedule(3))
        self.assertEqual(copy.num_classes, 6)

    @parameterized.parameters(
        ({"sample_rate": 0.0}, "sample_rate must be a number above 0, got 0.0"),
        ({"sample_rate": 1.5}, r"sample_rate must be in \[0, 1\], got 1.5"),
        ({"learning_rate": 0.0}, "learning_rate must be a number above 0, got 0.0"),
        ({"momentum": 1.0}, r"momentum must be in \[0, 1\), got 1.0"),
        (
            {"loss": sphereface.SphereFaceLoss()},
            "loss must be an ArcFaceLoss, .* got <.*SphereFace",
        ),
    )
    def test_rejects(self, options, message):
        with self.assertRaisesRegex(ValueError, message):
            PartialSoftmaxLoss(**{"loss": margin_softmax.ArcFaceLoss(), **options})


if __name__ == "__main__":
    absltest.main()
