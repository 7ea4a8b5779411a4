"""The linear student: ridge regression from target features to the teacher's embeddings."""

from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import RidgeCV

from rtml_tf.classical.affine_embedding import AffineEmbedding
from rtml_tf.classical.method import ClassicalMethod


class RidgeImitation(ClassicalMethod):
    """The closed form of absolute imitation for a student that is an affine map.

    Minimises `sum_i |z_i W + b - f_s(x_i)|^2 + p v |W|^2` over all examples, labelled or not, where
    `v` is the sum of the squared singular values of the centred target features over their number
    F, and the penalty `p` is the one of `penalties` with the least error when each example is left
    out in turn. Embeddings have the size of the teacher's.

    O(N F min(N, F)) time and O(N F + F^2) memory, besides the leave-one-out errors.

    Attributes:
        penalties: What is tried, in units of the mean squared singular value.
    """

    uses_source = True

    def __init__(self, *, penalties: Sequence[float] = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)):
        """Chooses the penalties.

        Raises:
            ValueError: If there is none, or one is not above 0.
        """
        super().__init__(embedding_size=None)
        penalties = tuple(float(penalty) for penalty in penalties)
        if not penalties or not all(0.0 < penalty < np.inf for penalty in penalties):
            raise ValueError(f"penalties must be one or more numbers above 0, got {penalties}.")
        self.penalties = penalties

    def solve(
        self, source: np.ndarray | None, target: np.ndarray, labels: np.ndarray
    ) -> AffineEmbedding:
        del labels
        mean_square = np.square(target - target.mean(axis=0)).sum() / target.shape[1]
        if not mean_square > 0.0:
            raise ValueError(f"target must vary, got {len(target)} equal examples.")
        regression = RidgeCV(alphas=mean_square * np.array(self.penalties)).fit(target, source)
        return AffineEmbedding(regression.coef_.T, regression.intercept_)
