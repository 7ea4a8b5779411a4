"""Principal components, then the Mahalanobis distance of a covariance."""

import numpy as np

from rtml_tf.classical.affine_embedding import AffineEmbedding
from rtml_tf.classical.method import ClassicalMethod
from rtml_tf.classical.principal_components import check_components, principal_components
from rtml_tf.classical.whitening import check_shrinkage, class_means, whitening


class Mahalanobis(ClassicalMethod):
    """Principal components, rotated and scaled so that a covariance becomes the identity.

    The squared distance of two embeddings (before they are scaled to unit length) is that of
    Mahalanobis, `(x - y)' S^-1 (x - y)`. `S` is the covariance within classes, pooled over the
    labelled examples (within-class covariance normalisation, WCCN: Hatch, Kajarekar, Stolcke,
    "Within-class covariance normalization for SVM-based speaker recognition", Interspeech 2006), or
    the covariance of all examples, which needs no labels (whitening). The source plays no part.

    O(N F min(N, F)) time and O(N F + F^2) memory for F features.

    Attributes:
        components: What is kept by `principal_components`: the size of the embedding.
        within_classes: Whether `S` is the covariance within classes.
        shrinkage: How far `S` is drawn to a multiple of the identity, in [0, 1].
    """

    def __init__(
        self,
        *,
        components: int | float | None = None,
        within_classes: bool = True,
        shrinkage: float = 0.1,
    ):
        """Chooses the covariance.

        Raises:
            ValueError: If an argument is out of range.
        """
        check_components(components)
        super().__init__(embedding_size=None)
        check_shrinkage(shrinkage)
        self.components = components
        self.within_classes = within_classes
        self.shrinkage = shrinkage
        self.uses_labels = within_classes

    def solve(
        self, source: np.ndarray | None, target: np.ndarray, labels: np.ndarray
    ) -> AffineEmbedding:
        del source
        projection = principal_components(target, components=self.components)
        deviations = projection(target)
        if self.within_classes:
            labelled = labels >= 0
            features = deviations[labelled]
            deviations = features - class_means(features, labels[labelled])
        whitened = whitening(deviations, shrinkage=self.shrinkage)
        return projection.then(AffineEmbedding.linear(whitened))
