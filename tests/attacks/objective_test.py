"""Tests of what all objectives have in common: their configuration."""

import importlib
import inspect
import pkgutil

import tensorflow as tf
from absl.testing import parameterized

import rtml_tf.attacks
from rtml_tf.attacks.embedding_objectives import EmbeddingShiftObjective, TargetEmbeddingObjective
from rtml_tf.attacks.gallery_objective import GalleryObjective
from rtml_tf.attacks.margin_head_objectives import ClassMarginObjective, CrossEntropyObjective
from rtml_tf.attacks.metric_loss_objective import MetricLossObjective
from rtml_tf.attacks.objective import Objective
from rtml_tf.attacks.permuted_targets import PermutedTargetsObjective
from rtml_tf.attacks.recall_margin_objective import RecallMarginObjective
from rtml_tf.attacks.similarity_objective import SimilarityObjective
from rtml_tf.losses.margin_softmax import ArcFaceLoss

# With no argument at its default.
_OBJECTIVES = (
    lambda: EmbeddingShiftObjective(offset=0.25),
    TargetEmbeddingObjective,
    lambda: CrossEntropyObjective(loss=ArcFaceLoss(num_classes=3)),
    lambda: ClassMarginObjective(loss=ArcFaceLoss(num_classes=3)),
    lambda: MetricLossObjective(loss=ArcFaceLoss(num_classes=3), spans_replicas=True),
    lambda: PermutedTargetsObjective(targets=2, exclude_own_class=True, own_pass=False),
    RecallMarginObjective,
    lambda: SimilarityObjective(threshold=0.25),
)


class ObjectiveTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(*_OBJECTIVES)
    def test_the_configuration_has_every_argument(self, make):
        objective = make()
        parameters = inspect.signature(type(objective)).parameters
        self.assertEqual(set(objective.get_config()), set(parameters))
        config = tf.keras.saving.serialize_keras_object(objective)
        restored = tf.keras.saving.deserialize_keras_object(config)
        self.assertIs(type(restored), type(objective))
        for name, parameter in parameters.items():
            value, again = (getattr(x, name) for x in (objective, restored))
            self.assertNotEqual(value, parameter.default, name)
            if name == "loss":
                value, again = (tf.keras.saving.serialize_keras_object(x) for x in (value, again))
            self.assertEqual(again, value, name)

    def test_every_objective_without_a_gallery_is_tested_here(self):
        """A gallery is data, and no part of a configuration."""
        modules = [
            f"rtml_tf.attacks.{x.name}" for x in pkgutil.iter_modules(rtml_tf.attacks.__path__)
        ]
        members = [m for name in modules for m in vars(importlib.import_module(name)).values()]
        classes = {
            member
            for member in members
            if inspect.isclass(member)
            and issubclass(member, Objective)
            and not issubclass(member, GalleryObjective)
            and not inspect.isabstract(member)
        }
        self.assertEqual(
            {x for x in classes if not x.__name__.startswith("_")},
            {type(make()) for make in _OBJECTIVES},
        )


if __name__ == "__main__":
    tf.test.main()
