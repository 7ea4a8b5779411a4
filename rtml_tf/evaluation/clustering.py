"""How well clusters of embeddings agree with classes."""

import numpy as np
from sklearn import cluster, metrics

from rtml_tf.evaluation.embeddings import normalised_embeddings

# Images x classes up to which the start is k-means++, which takes longer than the clustering
# itself: about 2 s there.
LARGEST_PLUS_PLUS = 2_000_000
_SWEEPS_OF_LARGE_SETS = 25


def normalized_mutual_information(
    embeddings: np.ndarray, labels: np.ndarray, *, seed: int = 0
) -> float:
    """Normalised mutual information of classes and k-means clusters, `k` = number of classes.

    `NMI = 2 I(classes, clusters) / (H(classes) + H(clusters))`, 1 for clusters that are the
    classes and 0 for unrelated ones. As in Song et al. 2016 ("Deep metric learning via lifted
    structured feature embedding"), the clusters are those of k-means on the embeddings, which are
    normalised first; one run from a k-means++ start. Where images x classes exceed
    `LARGEST_PLUS_PLUS`, the run starts from random images and ends after 25 sweeps, as that of
    faiss does; it finds clusters that are somewhat worse.

    Args:
        embeddings: `[N, D]`.
        labels: int `[N]`.
        seed: Of the k-means start.

    Returns:
        A number in [0, 1].

    Raises:
        ValueError: If `labels` are not one number an embedding, or the embeddings are not a
            finite, non-empty matrix.
    """
    embeddings = normalised_embeddings(embeddings)
    labels = np.asarray(labels)
    if labels.shape != (len(embeddings),):
        raise ValueError(
            f"labels must have one entry for each of {len(embeddings)} embeddings, got an array "
            f"of shape {labels.shape}."
        )
    classes = len(np.unique(labels))
    k_means = cluster.KMeans(classes, n_init=1, random_state=seed)
    if len(labels) * classes > LARGEST_PLUS_PLUS:
        k_means.set_params(init="random", max_iter=_SWEEPS_OF_LARGE_SETS)
    clusters = k_means.fit_predict(embeddings)
    return float(metrics.normalized_mutual_info_score(labels, clusters))
