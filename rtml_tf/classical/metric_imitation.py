"""Metric imitation: the manifold of the source metric, kept by a projection of target features."""

import numpy as np

from rtml_tf.classical.affine_embedding import AffineEmbedding
from rtml_tf.classical.eigenproblem import check_regularization, largest_quotients
from rtml_tf.classical.local_structure import LocalStructure
from rtml_tf.classical.locally_linear import LocallyLinear
from rtml_tf.classical.method import ClassicalMethod
from rtml_tf.classical.principal_components import check_components, principal_components


class MetricImitation(ClassicalMethod):
    """The projection of target features in which neighbours by the source metric lie as they did.

    1. The source metric is described by how each example lies among its nearest neighbours: a
       sparse positive semi-definite matrix `M`.
    2. The description is carried over to the target features `Y` of the same examples.
    3. The embedding is `V' y` with `Y' M Y v = l Y' Y v` for the smallest `l`, so that it varies
       by 1 in each direction (`V' Y' Y V = N I`) and keeps the structure as well as possible.

    No labels are used. Source: Dai, Kroeger, Timofte, Van Gool, "Metric imitation by manifold
    transfer for efficient vision applications", CVPR 2015. Its abstract gives the three steps;
    that the manifold is described by locally linear reconstruction, so that step 3 is the
    projection of "Neighborhood preserving embedding" (He et al., ICCV 2005), is how others have
    implemented it. The number of neighbours, the regularisation (see `largest_quotients`) and the
    centring of `Y` are this toolkit's choice.

    O(N^2 S + N F min(N, F) + F^3) time and O(N F + N k^2) memory for S source and F target
    features and k neighbours.

    Attributes:
        embedding_size: The number of dimensions; None: that of the components.
        structure: How step 1 describes the metric. With `NeighbourLaplacian` the projection is
            that of "Locality preserving projections" (He, Niyogi, NIPS 2003), but for its
            normalisation.
        components: What is kept of the target features, by `principal_components`.
        regularization: At least 0, see `largest_quotients`.
    """

    uses_source = True

    def __init__(
        self,
        *,
        embedding_size: int | None = 32,
        structure: LocalStructure | None = None,
        components: int | float | None = None,
        regularization: float = 1e-3,
    ):
        """Chooses the method's open constants.

        Args:
            embedding_size: See the attributes.
            structure: None means `LocallyLinear()`.
            components: See the attributes.
            regularization: See the attributes.

        Raises:
            ValueError: If an argument is out of range.
        """
        super().__init__(embedding_size=embedding_size)
        check_components(components)
        check_regularization(regularization)
        self.structure = LocallyLinear() if structure is None else structure
        self.components = components
        self.regularization = regularization

    def solve(
        self, source: np.ndarray | None, target: np.ndarray, labels: np.ndarray
    ) -> AffineEmbedding:
        del labels
        projection = principal_components(target, components=self.components)
        features = projection(target)
        vectors = largest_quotients(
            features.T @ features / len(features),
            features.T @ (self.structure.matrix(source) @ features),
            count=self.embedding_size or features.shape[1],
            regularization=self.regularization,
        )
        return projection.then(AffineEmbedding.linear(vectors))
