"""DAMA: two domains aligned by labels and by the manifold of each."""

import math

import numpy as np
import scipy.linalg

from rtml_tf.classical.affine_embedding import AffineEmbedding
from rtml_tf.classical.eigenproblem import check_regularization, largest_quotients
from rtml_tf.classical.label_graphs import label_forms
from rtml_tf.classical.local_structure import LocalStructure
from rtml_tf.classical.method import ClassicalMethod
from rtml_tf.classical.neighbour_laplacian import NeighbourLaplacian
from rtml_tf.classical.principal_components import check_components, principal_components


class DAMA(ClassicalMethod):
    """Projections of both domains into one space where classes, not domains, are apart.

    Solves `Z (m L + L_s) Z' v = l Z L_d Z' v` for the smallest `l`. `Z` holds the features of each
    domain in a block of its own, and `v` a direction for each. `L_s` and `L_d` are the Laplacians
    of the graphs that join labelled examples of the same class and of different classes, within a
    domain and between both (`label_forms`); `L` holds a block for each domain, the Laplacian of
    its nearest neighbours, labelled or not. So examples of one class come together and those of
    others go apart, whatever their domain, while each domain keeps its shape.

    That source and target are views of the same examples is not used. Source: Wang, Mahadevan,
    "Heterogeneous domain adaptation using manifold alignment", IJCAI 2011. Open there, and chosen
    here: the neighbour graph, `m`, the regularisation (see `largest_quotients`), and that features
    are centred and scaled to a mean squared length of 1 in each domain.

    O(N^2 F + F^3) time and O(N F + F^2 + C F) memory for F features of both domains together and C
    classes: no graph of labels is built.

    Attributes:
        embedding_size: The number of dimensions; None: that of all components.
        topology_weight: `m`, at least 0, in units of `trace(Z L_s Z') / trace(Z L Z')`: at 1 both
            graphs have the same say, however many examples are labelled.
        structure: The graph of each domain, in `L`.
        source_components: What is kept of the source features, by `principal_components`.
        components: What is kept of the target features, likewise.
        regularization: At least 0, see `largest_quotients`.
    """

    uses_source = True
    uses_labels = True

    def __init__(
        self,
        *,
        embedding_size: int | None = 32,
        topology_weight: float = 0.1,
        structure: LocalStructure | None = None,
        source_components: int | float | None = None,
        components: int | float | None = None,
        regularization: float = 1e-3,
    ):
        """Chooses the method's open constants.

        Args:
            embedding_size: See the attributes.
            topology_weight: See the attributes.
            structure: None means `NeighbourLaplacian()`.
            source_components: See the attributes.
            components: See the attributes.
            regularization: See the attributes.

        Raises:
            ValueError: If an argument is out of range.
        """
        super().__init__(embedding_size=embedding_size)
        if not 0.0 <= topology_weight < math.inf:
            raise ValueError(
                f"topology_weight must be at least 0 and finite, got {topology_weight}."
            )
        check_components(source_components)
        check_components(components)
        check_regularization(regularization)
        self.topology_weight = topology_weight
        self.structure = NeighbourLaplacian() if structure is None else structure
        self.source_components = source_components
        self.components = components
        self.regularization = regularization

    def align(
        self, source: np.ndarray, target: np.ndarray, labels: np.ndarray
    ) -> tuple[AffineEmbedding, AffineEmbedding]:
        """Finds the embeddings of both domains.

        Args:
            source: float64 `[N, S]`.
            target: float64 `[N, F]`, of the same examples.
            labels: int `[N]`, -1 for an example without label.

        Returns:
            The embedding of the source and that of the target, into the same space.

        Raises:
            ValueError: If the data do not determine so many dimensions.
        """
        projections = (
            _standardised(source, components=self.source_components),
            _standardised(target, components=self.components),
        )
        domains = [project(x) for project, x in zip(projections, (source, target))]
        same, different = label_forms(domains, labels)
        topology = [x.T @ (self.structure.matrix(x) @ x) for x in domains]
        topology = scipy.linalg.block_diag(*topology)
        weight = self.topology_weight * np.trace(same) / np.trace(topology)
        vectors = largest_quotients(
            different / np.count_nonzero(labels >= 0) ** 2,
            weight * topology + same,
            count=self.embedding_size or len(same),
            regularization=self.regularization,
        )
        parts = np.split(vectors, [domains[0].shape[1]])
        first, second = (p.then(AffineEmbedding.linear(v)) for p, v in zip(projections, parts))
        return first, second

    def solve(
        self, source: np.ndarray | None, target: np.ndarray, labels: np.ndarray
    ) -> AffineEmbedding:
        return self.align(source, target, labels)[1]


def _standardised(features: np.ndarray, *, components: int | float | None) -> AffineEmbedding:
    """Principal components, centred and at a mean squared length of 1."""
    projection = principal_components(features, components=components)
    length = np.sqrt(np.square(projection(features)).sum(axis=1).mean())
    return AffineEmbedding(projection.weights / length, projection.bias / length)
