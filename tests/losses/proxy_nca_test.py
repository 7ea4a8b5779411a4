import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized
from scipy.spatial import distance
from sklearn import metrics

from rtml_tf.losses import proxy_nca

EMBEDDINGS = np.random.RandomState(0).normal(size=(6, 4)).astype(np.float32)
PROXIES = np.random.RandomState(1).normal(size=(5, 4)).astype(np.float32)
LABELS = np.array([0, 2, 2, 1, 0, 4])


def squared_distances():
    embeddings = EMBEDDINGS / np.linalg.norm(EMBEDDINGS, axis=1, keepdims=True)
    proxies = PROXIES / np.linalg.norm(PROXIES, axis=1, keepdims=True)
    return distance.cdist(embeddings, proxies, "sqeuclidean")


class ProxyNCATest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(1.0, 1 / 9)
    def test_original_form_in_loops(self, temperature):
        """Movshovitz-Attias et al. 2017, equation 4: the others only in the denominator."""
        terms = []
        for row, label in zip(np.exp(-squared_distances() / temperature), LABELS):
            terms.append(-np.log(row[label] / sum(row[z] for z in range(5) if z != label)))
        value = proxy_nca.proxy_nca_loss(
            EMBEDDINGS,
            LABELS,
            tf.constant(PROXIES),
            temperature=temperature,
            positive_in_denominator=False,
        )
        self.assertAllClose(value, np.mean(terms), rtol=1e-5)

    def test_default_form_is_a_softmax(self):
        """scikit-learn's log loss of the softmax over -9 times the squared distances."""
        loss = proxy_nca.ProxyNCALoss(num_classes=5)
        loss(EMBEDDINGS, LABELS)
        loss.class_weights.assign(PROXIES)
        scores = np.exp(-9 * squared_distances())
        probabilities = scores / scores.sum(axis=1, keepdims=True)
        expected = metrics.log_loss(LABELS, probabilities, labels=range(5))
        self.assertAllClose(loss(EMBEDDINGS, LABELS), expected, rtol=1e-5)

    def test_rejects_a_temperature_out_of_range(self):
        with self.assertRaisesRegex(ValueError, "temperature must be a number above 0, got 0"):
            proxy_nca.ProxyNCALoss(temperature=0)


if __name__ == "__main__":
    absltest.main()
