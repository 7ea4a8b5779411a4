"""Every metric loss, for tests of what all of them must hold."""

from rtml_tf.losses import (
    center,
    circle,
    combined,
    contrastive,
    easy_positive,
    lifted_structure,
    margin_softmax,
    multi_similarity,
    n_pairs,
    partial_softmax,
    proxy_anchor,
    proxy_nca,
    sphereface,
    triplet,
)

NUM_CLASSES = 6

LOSSES = {
    "arcface": lambda: margin_softmax.ArcFaceLoss(num_classes=NUM_CLASSES),
    "center": lambda: center.CenterLoss(num_classes=NUM_CLASSES),
    "circle": circle.CircleLoss,
    "combined": lambda: combined.CombinedLoss(
        losses=[
            margin_softmax.NormalizedSoftmaxLoss(num_classes=NUM_CLASSES),
            center.CenterLoss(num_classes=NUM_CLASSES),
        ],
        weights=[1.0, 0.003],
    ),
    "contrastive": contrastive.ContrastiveLoss,
    "cosface": lambda: margin_softmax.CosFaceLoss(num_classes=NUM_CLASSES),
    "easy_positive": easy_positive.EasyPositiveLoss,
    "easy_positive_hard": lambda: easy_positive.EasyPositiveLoss(semi_hard=False),
    "lifted_structure": lifted_structure.LiftedStructureLoss,
    "multi_similarity": multi_similarity.MultiSimilarityLoss,
    "multi_similarity_all": lambda: multi_similarity.MultiSimilarityLoss(margin=None),
    "n_pairs": n_pairs.NPairsLoss,
    "normalized_softmax": lambda: margin_softmax.NormalizedSoftmaxLoss(num_classes=NUM_CLASSES),
    "partial_arcface": lambda: partial_softmax.PartialSoftmaxLoss(
        loss=margin_softmax.ArcFaceLoss(num_classes=NUM_CLASSES), sample_rate=0.5
    ),
    "proxy_anchor": lambda: proxy_anchor.ProxyAnchorLoss(num_classes=NUM_CLASSES),
    "proxy_nca": lambda: proxy_nca.ProxyNCALoss(num_classes=NUM_CLASSES),
    "proxy_nca_original": lambda: proxy_nca.ProxyNCALoss(
        num_classes=NUM_CLASSES, positive_in_denominator=False
    ),
    "sphereface": lambda: sphereface.SphereFaceLoss(num_classes=NUM_CLASSES),
    "triplet_hard": triplet.TripletHardLoss,
    "triplet_hard_soft": lambda: triplet.TripletHardLoss(soft_margin=True),
    "triplet_semihard": triplet.TripletSemiHardLoss,
    "triplet_semihard_euclidean": lambda: triplet.TripletSemiHardLoss(squared=False),
}
