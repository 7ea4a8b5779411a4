"""Principal components, then discriminant analysis: Fisherfaces."""

from collections.abc import Sequence

import numpy as np

from rtml_tf.classical.affine_embedding import AffineEmbedding
from rtml_tf.classical.method import ClassicalMethod
from rtml_tf.classical.principal_components import check_components, principal_components
from rtml_tf.classical.whitening import check_shrinkage, class_means, whitening


class PCALDA(ClassicalMethod):
    """The directions that separate classes best for their spread within classes.

    Principal components of all examples, labelled or not, then linear discriminant analysis of the
    labelled ones. Within-class scatter is the unit of the embedding (`W' S_w W = I`). The source
    plays no part. Source: Belhumeur, Hespanha, Kriegman, "Eigenfaces vs. Fisherfaces", TPAMI 1997.

    O(N F min(N, F)) time and O(N F + F^2) memory for F features.

    Attributes:
        embedding_size: At most the number of labelled classes less one; None: as many as that and
            the components allow.
        components: What is kept by `principal_components`.
        shrinkage: How far the within-class scatter is drawn to a multiple of the identity, in
            [0, 1].
    """

    uses_labels = True

    def __init__(
        self,
        *,
        embedding_size: int | None = None,
        components: int | float | None = None,
        shrinkage: float = 0.1,
    ):
        """Chooses the dimensions.

        Raises:
            ValueError: If an argument is out of range.
        """
        super().__init__(embedding_size=embedding_size)
        check_components(components)
        check_shrinkage(shrinkage)
        self.components = components
        self.shrinkage = shrinkage

    def check(
        self,
        *,
        source_shape: Sequence[int] | None,
        target_shape: Sequence[int],
        labels: np.ndarray,
    ) -> None:
        """See the base class; also finds embeddings that are too large for the classes."""
        super().check(source_shape=source_shape, target_shape=target_shape, labels=labels)
        self._check_size(len(np.unique(labels[labels >= 0])) - 1, "labelled classes less one")

    def solve(
        self, source: np.ndarray | None, target: np.ndarray, labels: np.ndarray
    ) -> AffineEmbedding:
        del source
        projection = principal_components(target, components=self.components)
        labelled = labels >= 0
        features, labels = projection(target[labelled]), labels[labelled]
        self._check_size(features.shape[1], "principal components")
        size = self.embedding_size or min(len(np.unique(labels)) - 1, features.shape[1])
        means = class_means(features, labels)
        whitened = whitening(features - means, shrinkage=self.shrinkage)
        # Where the scatter within classes is the identity, the discriminants are the directions in
        # which the class means vary most.
        discriminants = principal_components(means @ whitened, components=size)
        return projection.then(AffineEmbedding.linear(whitened)).then(discriminants)

    def _check_size(self, possible: int, what: str) -> None:
        if self.embedding_size is not None and self.embedding_size > possible:
            raise ValueError(
                f"embedding_size must be at most {possible}, the number of {what}, got "
                f"{self.embedding_size}."
            )
