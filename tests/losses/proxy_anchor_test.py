import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized

from rtml_tf.losses import proxy_anchor

EMBEDDINGS = np.random.RandomState(0).normal(size=(6, 4)).astype(np.float32)
PROXIES = np.random.RandomState(1).normal(size=(5, 4)).astype(np.float32)
LABELS = np.array([0, 2, 2, 1, 0, 2])  # no example of classes 3 and 4


def reference(margin, alpha):
    """Kim et al. 2020, equation 4, proxy by proxy."""
    embeddings = EMBEDDINGS / np.linalg.norm(EMBEDDINGS, axis=1, keepdims=True)
    proxies = PROXIES / np.linalg.norm(PROXIES, axis=1, keepdims=True)
    pulls, pushes = [], []
    for label, proxy in enumerate(proxies):
        similarity = (embeddings @ proxy).astype(np.float64)
        own, other = similarity[LABELS == label], similarity[LABELS != label]
        if len(own):
            pulls.append(np.log(1 + np.exp(-alpha * (own - margin)).sum()))
        pushes.append(np.log(1 + np.exp(alpha * (other + margin)).sum()))
    return np.mean(pulls) + np.mean(pushes)


class ProxyAnchorTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters((0.1, 32.0), (0.5, 2.0))
    def test_equals_the_paper_in_loops(self, margin, alpha):
        loss = proxy_anchor.ProxyAnchorLoss(num_classes=5, margin=margin, alpha=alpha)
        loss(EMBEDDINGS, LABELS)
        loss.class_weights.assign(PROXIES)
        self.assertAllClose(loss(EMBEDDINGS, LABELS), reference(margin, alpha), rtol=1e-5)

    @parameterized.parameters(
        ({"margin": -0.1}, r"margin must be in \[0, 1\], got -0.1"),
        ({"alpha": 0}, "alpha must be a number above 0, got 0"),
    )
    def test_rejects_constants_out_of_range(self, constants, message):
        with self.assertRaisesRegex(ValueError, message):
            proxy_anchor.ProxyAnchorLoss(**constants)


if __name__ == "__main__":
    absltest.main()
