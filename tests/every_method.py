"""Every method with a batch for it, for tests of what all of them must hold.

Batch norms are frozen or synchronised; attacks start at the images, since random starts are drawn
by each replica for itself.
"""

import numpy as np
import tensorflow as tf

from rtml_tf.attacks.ball import L2Ball, LInfBall
from rtml_tf.attacks.fast_gradient import FastGradientMethod
from rtml_tf.attacks.projected_gradient_descent import ProjectedGradientDescent
from rtml_tf.layers.l2_normalization import L2Normalization
from rtml_tf.losses.combined_imitation import CombinedImitation
from rtml_tf.losses.local_alignment import CategoryWeights
from rtml_tf.losses.margin_softmax import ArcFaceLoss
from rtml_tf.losses.multi_similarity import MultiSimilarityLoss
from rtml_tf.losses.relational_imitation import AngleWiseImitation, DistanceWiseImitation
from rtml_tf.losses.relative_imitation import RelativeImitation
from rtml_tf.losses.segmentation import FocalLoss
from rtml_tf.losses.similarity_imitation import SimilarityImitation
from rtml_tf.models.adversarial_branch import AdversarialBranch
from rtml_tf.models.alternating_adversarial import AlternatingAdversarialModel
from rtml_tf.models.branch_combination import SeparateCombination
from rtml_tf.models.category_adversarial import CategoryAdversarialModel
from rtml_tf.models.category_adversarial_embedding import CategoryAdversarialEmbeddingModel
from rtml_tf.models.distillation import DistillationModel
from rtml_tf.models.entropy_minimization import EntropyMinimizationModel
from rtml_tf.models.free_adversarial import FreeAdversarialModel
from rtml_tf.models.joint_adversarial import JointAdversarialModel
from rtml_tf.models.mdprop import MDPropModel
from rtml_tf.models.metric_model import MetricModel
from rtml_tf.models.segmentation_model import SegmentationModel
from rtml_tf.models.self_distillation import SelfDistillation
from rtml_tf.networks.batch_norm_modes import (
    freeze_batch_norm_statistics,
    synchronize_batch_norm,
)
from rtml_tf.networks.branches import with_branches
from rtml_tf.networks.discriminator import embedding_discriminator, map_discriminator

_SGD = tf.keras.optimizers.SGD
_LABELS = (0, 0, 1, 1, 1, 2, 2, 0)


def _live():
    """A network with a live batch norm in front of its features."""
    image = tf.keras.Input((4, 4, 1), name="image")
    features = tf.keras.layers.Conv2D(3, 2, strides=2)(image)
    features = tf.keras.layers.BatchNormalization(epsilon=0.1, name="norm")(features)
    features = tf.keras.layers.Activation("tanh")(features)
    features = tf.keras.layers.GlobalAveragePooling2D(name="pooling")(features)
    return tf.keras.Model(image, L2Normalization()(tf.keras.layers.Dense(3)(features)))


def _frozen():
    return freeze_batch_norm_statistics(network=_live())


def _synchronized():
    return synchronize_batch_norm(network=_live())


def _batch():
    images = np.random.default_rng(0).uniform(size=(len(_LABELS), 4, 4, 1))
    return {"image": tf.constant(images, tf.float32), "label": tf.constant(_LABELS)}


def _metric(**arguments):
    return MetricModel(
        **{
            "network": _frozen(),
            "loss": MultiSimilarityLoss(),
            "self_distillation": SelfDistillation(
                sizes=(4,), feature_start_step=0, weight=1.0, feature_weight=1.0
            ),
            **arguments,
        }
    )


@tf.keras.utils.register_keras_serializable(package="tests")
class _BallWithoutStart(LInfBall):
    def random(self, shape, epsilon, *, seed):
        del epsilon, seed
        return tf.zeros(shape)


def _pgd(**arguments):
    return ProjectedGradientDescent(epsilon=0.1, steps=3, random_start=False, **arguments)


def _joint(**arguments):
    return JointAdversarialModel(
        **{"network": _frozen(), "loss": ArcFaceLoss(), "attack": _pgd(), **arguments}
    )


def _mdprop(**arguments):
    return MDPropModel(
        **{
            "network": with_branches(
                network=_live(), branches=("clean", "first", "second"), synchronized=True
            ),
            "loss": MultiSimilarityLoss(),
            "branches": {
                "first": AdversarialBranch(attack=FastGradientMethod(epsilon=0.1)),
                "second": AdversarialBranch(attack=_pgd()),
            },
            "whole_batch": True,
            **arguments,
        }
    )


def _imitation(*losses):
    return DistillationModel(
        student=_frozen(),
        imitation=CombinedImitation(losses=losses),
        teacher=None,
        metric_loss=MultiSimilarityLoss(),
    )


def _views():
    batch = _batch()
    taught = np.random.default_rng(1).normal(size=(len(_LABELS), 3))
    # Neither replica has as many labels as the other.
    labels = tf.constant((0, 0, 1, -1, 1, -1, -1, -1))
    return {"source": tf.constant(taught, tf.float32), "target": batch["image"], "label": labels}


def _segmentation_network():
    image = tf.keras.Input((None, None, 1), name="image")
    features = tf.keras.layers.Conv2D(3, 2, strides=2, activation="tanh")(image)
    heads = {
        head: tf.keras.layers.Conv2D(3, 1, kernel_initializer="random_normal", name=f"{head}_x")
        for head in ("p1", "p2")
    }
    return tf.keras.Model(image, {head: layer(features) for head, layer in heads.items()})


def _scenes():
    rng = np.random.default_rng(0)
    mask = rng.integers(0, 3, size=(4, 8, 8))
    mask[0, 2:] = 255  # The first replica has fewer pixels with a class.
    images = [rng.uniform(size=(4, 8, size, 1)) for size in (8, 12)]
    return {
        "source": {
            "image": tf.constant(images[0], tf.float32),
            "mask": tf.constant(mask, tf.int32),
        },
        "target": {"image": tf.constant(images[1], tf.float32)},
    }


def _adversarial(kind, **arguments):
    return kind(
        generator=_segmentation_network(),
        discriminator=map_discriminator(input_shape=(None, None, 3), filters=(4,)),
        discriminator_optimizer=_SGD(1.0),
        category_weights=CategoryWeights(lambda_local=3.0, scaled=True, detached=False),
        adversarial_weight=0.7,
        **arguments,
    )


def _adversarial_embedding():
    return CategoryAdversarialEmbeddingModel(
        network=_frozen(),
        loss=MultiSimilarityLoss(),
        discriminator=embedding_discriminator(embedding_size=3, filters=(5,)),
        discriminator_optimizer=_SGD(1.0),
        category_weights=CategoryWeights(lambda_local=3.0, scaled=True, detached=False),
        adversarial_weight=0.7,
    )


def _two_domains():
    images = np.random.default_rng(2).uniform(size=(4, 4, 4, 1))
    return {"source": _batch(), "target": {"image": tf.constant(images, tf.float32)}}


METHODS = {
    "metric, S2SD": (_metric, _batch),
    "metric, synchronised": (lambda: _metric(network=_synchronized()), _batch),
    "metric, an optimizer for the class weights": (
        lambda: MetricModel(network=_frozen(), loss=ArcFaceLoss(), loss_optimizer=_SGD(0.05)),
        _batch,
    ),
    "joint, FGSM": (lambda: _joint(attack=FastGradientMethod(epsilon=0.1)), _batch),
    "joint, shared gradient": (
        lambda: _joint(attack=FastGradientMethod(epsilon=0.1), shared_gradient=True),
        _batch,
    ),
    "joint, PGD": (lambda: _joint(loss=MultiSimilarityLoss()), _batch),
    "joint, PGD, class weights": (_joint, _batch),
    "joint, PGD in L2, synchronised": (
        lambda: _joint(network=_synchronized(), attack=_pgd(ball=L2Ball())),
        _batch,
    ),
    "free": (
        lambda: FreeAdversarialModel(
            network=_frozen(),
            loss=MultiSimilarityLoss(),
            epsilon=0.1,
            replays=2,
            ball=_BallWithoutStart(),
        ),
        _batch,
    ),
    "MDProp": (_mdprop, _batch),
    "MDProp, separate losses": (lambda: _mdprop(combination=SeparateCombination()), _batch),
    "CLAN, reversal": (lambda: _adversarial(CategoryAdversarialModel), _scenes),
    "CLAN, alternating": (lambda: _adversarial(AlternatingAdversarialModel), _scenes),
    "CLAN, embeddings": (_adversarial_embedding, _two_domains),
    "segmentation": (
        lambda: SegmentationModel(
            network=_segmentation_network(), segmentation_loss=FocalLoss(class_weights=(1, 2, 3))
        ),
        _scenes,
    ),
    "entropy": (lambda: EntropyMinimizationModel(network=_segmentation_network()), _scenes),
    "imitation, relative": (
        lambda: _imitation(RelativeImitation(normalize=True), SimilarityImitation()),
        _views,
    ),
    "imitation, relational": (
        lambda: _imitation(DistanceWiseImitation(), AngleWiseImitation()),
        _views,
    ),
}
