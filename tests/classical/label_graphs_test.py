"""Tests of the graphs of labels."""

import numpy as np
import scipy.linalg
from absl.testing import absltest

from rtml_tf.classical.label_graphs import label_forms


class LabelFormsTest(absltest.TestCase):
    def test_equal_to_graphs_that_are_built(self):
        """Reference: the Laplacians of the graphs as dense matrices."""
        rng = np.random.default_rng(0)
        labels = np.array([3, 0, -1, 3, 3, 0, -1, 7])
        domains = [rng.normal(size=[8, 2]), rng.normal(size=[8, 3])]
        same, different = label_forms(domains, labels)

        nodes = np.tile(labels, 2)
        data = scipy.linalg.block_diag(*domains)  # [16, 5], Z'
        labelled = np.outer(nodes >= 0, nodes >= 0)
        equal = nodes[:, np.newaxis] == nodes
        for form, edges in ((same, labelled & equal), (different, labelled & ~equal)):
            laplacian = np.diag(edges.sum(axis=1)) - edges
            np.testing.assert_allclose(form, data.T @ laplacian @ data, atol=1e-12)


if __name__ == "__main__":
    absltest.main()
