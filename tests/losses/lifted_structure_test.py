import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized
from scipy.spatial import distance

from rtml_tf.losses import lifted_structure

EMBEDDINGS = np.random.RandomState(0).normal(size=(8, 3)).astype(np.float32)
LABELS = np.array([0, 0, 0, 1, 1, 2, 2, 3])


class LiftedStructureTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters((1.0, 1.0), (0.5, 1.0), (1.0, 10.0))
    def test_equals_the_paper_in_loops(self, margin, spread):
        """Oh Song et al. 2016, equation 4; far apart embeddings have terms on the hinge's floor."""
        embeddings = spread * EMBEDDINGS
        table = distance.cdist(embeddings, embeddings)
        terms = []
        for i in range(len(LABELS)):
            for j in range(i + 1, len(LABELS)):
                if LABELS[i] == LABELS[j]:
                    push = np.exp(margin - table[i, LABELS != LABELS[i]]).sum()
                    push += np.exp(margin - table[j, LABELS != LABELS[j]]).sum()
                    terms.append(max(0.0, np.log(push) + table[i, j]) ** 2)
        value = lifted_structure.LiftedStructureLoss(margin=margin)(embeddings, LABELS)
        self.assertAllClose(value, np.mean(terms) / 2, rtol=1e-4)

    def test_rejects_a_margin_out_of_range(self):
        with self.assertRaisesRegex(ValueError, "margin must be a number above 0, got -1"):
            lifted_structure.LiftedStructureLoss(margin=-1)


if __name__ == "__main__":
    absltest.main()
