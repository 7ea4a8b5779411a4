"""The graphs that labels make between examples of several domains, as quadratic forms."""

from collections.abc import Sequence

import numpy as np
import scipy.linalg


def label_forms(domains: Sequence[np.ndarray], labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The quadratic forms `Z L_s Z'` and `Z L_d Z'` of the same-label and different-label graphs.

    The nodes are all labelled examples of all domains; an edge of weight 1 joins every two of the
    same label (of different labels), within a domain and between two. `L_s` and `L_d` are the
    graphs' Laplacians, `Z` has the features of each domain in a block of its own. For weights
    `v = [v_1; v_2; ...]` of a direction of each domain, `v' Z L Z' v` is the sum over the edges of
    the squared difference of the two embeddings.

    Neither graph is built. With n_c nodes of class c of n altogether, `L_s` is the sum over the
    classes of `n_c I - 1 1'`, and `L_s + L_d = n I - 1 1'`, since every two nodes have an edge in
    one of the two. So class sums are enough: O(N F^2) time, O(F^2 + C F) memory, for F features
    of all domains together.

    Args:
        domains: For each domain its features, float64 `[N, F_k]`, row by row the same examples.
        labels: int `[N]`, -1 for an example without label, which is no node.

    Returns:
        The forms of `L_s` and of `L_d`, float64 `[F, F]` with `F` the sum of all `F_k`.
    """
    labelled = labels >= 0
    classes, members, counts = np.unique(labels[labelled], return_inverse=True, return_counts=True)
    nodes = len(domains) * counts  # [C], n_c
    features = [domain[labelled] for domain in domains]
    class_sums = np.zeros((len(classes), sum(domain.shape[1] for domain in domains)))
    np.add.at(class_sums, members, np.concatenate(features, axis=1))

    def gram(weights: np.ndarray) -> np.ndarray:
        return scipy.linalg.block_diag(*(x.T @ (x * weights[:, np.newaxis]) for x in features))

    same = gram(nodes[members]) - class_sums.T @ class_sums
    total = class_sums.sum(axis=0)
    everything = gram(np.full(len(members), nodes.sum())) - np.outer(total, total)
    return same, everything - same
