"""What every method must hold on one device: its configuration, and steps of a scaled loss."""

import importlib
import inspect
import pkgutil

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

import rtml_tf.models
from rtml_tf.models.segmentation_adaptation import SegmentationAdaptationModel
from rtml_tf.models.training_model import TrainingModel
from tests.every_method import METHODS
from tests.one_step import updates

_SGD = tf.keras.optimizers.SGD
# Those that are not one gradient of one loss for one optimizer.
_SEVERAL_GRADIENTS_OR_OPTIMIZERS = (
    "metric, an optimizer for the class weights",
    "joint, shared gradient",
    "free",
    "MDProp, separate losses",
    "CLAN, alternating",
)


class EveryMethodTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(*_SEVERAL_GRADIENTS_OR_OPTIMIZERS)
    def test_a_scaled_loss_takes_the_same_step(self, name):
        """Scaling by a power of two and back rounds nothing."""
        make, make_batch = METHODS[name]

        def build(optimizer):
            model = make()
            model.compile(optimizer=optimizer)
            model.prepare(num_classes=3)
            return model

        scaling = tf.keras.mixed_precision.LossScaleOptimizer(_SGD(0.5), initial_scale=1024.0)
        plain = updates(lambda: build(_SGD(0.5)), make_batch())
        scaled = updates(lambda: build(scaling), make_batch())
        self.assertGreater(max(np.abs(change).max() for change in plain), 1e-3)
        self.assertAllClose(scaled, plain, atol=1e-6, rtol=0)

    @parameterized.parameters(*METHODS)
    def test_the_configuration_has_every_argument(self, name):
        make, _ = METHODS[name]
        model = make()
        arguments = set(inspect.signature(type(model).__init__).parameters) - {"self"}
        if getattr(model, "self_distillation", None) is None:
            arguments -= {"self_distillation"}
        config = {**model.get_config(), "seed": 7, "name": "mine"}
        self.assertEqual(set(config), arguments)
        again = type(model).from_config(config).get_config()
        for argument, value in config.items():
            if not isinstance(value, (dict, list)):  # Those of parts are their own to test.
                self.assertEqual(again[argument], value, argument)

    def test_every_method_of_the_package_is_tested(self):
        modules = [
            f"rtml_tf.models.{x.name}" for x in pkgutil.iter_modules(rtml_tf.models.__path__)
        ]
        members = [m for name in modules for m in vars(importlib.import_module(name)).values()]
        classes = {x for x in members if inspect.isclass(x) and issubclass(x, TrainingModel)}
        self.assertEqual(
            classes - {TrainingModel, SegmentationAdaptationModel},
            {type(make()) for make, _ in METHODS.values()},
        )


if __name__ == "__main__":
    tf.test.main()
