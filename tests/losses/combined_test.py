import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized

from rtml_tf.losses import center, combined, contrastive, margin_softmax

EMBEDDINGS = np.random.RandomState(0).normal(size=(4, 3)).astype(np.float32)
LABELS = np.array([0, 0, 1, 1])


class CombinedTest(tf.test.TestCase, parameterized.TestCase):
    def test_is_the_weighted_sum(self):
        terms = [margin_softmax.CosFaceLoss(num_classes=2), contrastive.ContrastiveLoss()]
        loss = combined.CombinedLoss(losses=terms, weights=[0.5, 2])
        expected = 0.5 * terms[0](EMBEDDINGS, LABELS) + 2 * terms[1](EMBEDDINGS, LABELS)
        self.assertAllClose(loss(EMBEDDINGS, LABELS), expected)
        self.assertLen(loss.trainable_weights, 1)

    def test_weights_are_one_by_default(self):
        loss = combined.CombinedLoss(losses=[contrastive.ContrastiveLoss()] * 2)
        expected = 2 * contrastive.contrastive_loss(EMBEDDINGS, LABELS)
        self.assertAllClose(loss(EMBEDDINGS, LABELS), expected)

    def test_hands_preparation_and_updates_on(self):
        centers = center.CenterLoss()
        loss = combined.CombinedLoss(losses=[margin_softmax.ArcFaceLoss(), centers])
        loss.prepare(num_classes=2)
        loss(EMBEDDINGS, LABELS)
        loss.update_state(EMBEDDINGS, LABELS)
        # From 0 with alpha 1/2 and two examples a class: 1/2 * 2/3 of the class mean.
        self.assertAllClose(centers.centers[0], EMBEDDINGS[:2].mean(axis=0) / 3)

    def test_build_creates_the_variables_of_all_terms(self):
        loss = combined.CombinedLoss(
            losses=[margin_softmax.CosFaceLoss(num_classes=2), center.CenterLoss(num_classes=2)]
        )
        loss.build((None, 3))
        built = loss.weights
        self.assertLen(built, 2)
        loss(EMBEDDINGS, LABELS)
        self.assertEqual([id(weight) for weight in loss.weights], [id(weight) for weight in built])

    def test_has_a_meaning_on_unseen_classes_if_all_terms_have(self):
        pairwise, classwise = contrastive.ContrastiveLoss(), center.CenterLoss()
        self.assertTrue(combined.CombinedLoss(losses=[pairwise]).unseen_classes)
        self.assertFalse(combined.CombinedLoss(losses=[pairwise, classwise]).unseen_classes)

    @parameterized.parameters(
        ([], None, "losses must have at least one loss, got none"),
        (["arcface"], None, "losses must be MetricLoss objects, got 'arcface'"),
        ([contrastive.ContrastiveLoss()], [1, 2], "same length, got 1 and 2"),
        ([contrastive.ContrastiveLoss()], [-1], "weights must be a number of at least 0, got -1"),
    )
    def test_rejects(self, losses, weights, message):
        with self.assertRaisesRegex(ValueError, message):
            combined.CombinedLoss(losses=losses, weights=weights)


if __name__ == "__main__":
    absltest.main()
