"""Images and a network whose robustness is known by hand: points, embedded as their directions."""

import numpy as np
import tensorflow as tf

from rtml_tf.attacks.projected_gradient_descent import ProjectedGradientDescent
from rtml_tf.data.source import ImageSource
from rtml_tf.layers.l2_normalization import L2Normalization


class Points(ImageSource):
    """1x1 images with two channels: points around the grey (0.5, 0.5)."""

    def __init__(self, points, labels=None):
        labels = range(len(points)) if labels is None else labels
        self._points = np.asarray(points, np.float32).reshape(-1, 1, 1, 2) + 0.5
        self.labels = np.asarray(labels, np.int32)
        self.class_names = tuple(f"class {label}" for label in range(max(labels) + 1))
        self.keys = tuple(f"{number}.jpg" for number in range(len(points)))
        self.image_shape = (1, 1, 2)

    def load(self, index):
        return tf.ensure_shape(tf.gather(self._points, index), self.image_shape)


def direction_network(*layers):
    """Embeds a point as its direction, behind other layers."""
    return tf.keras.Sequential(
        [
            tf.keras.Input((1, 1, 2)),
            *layers,
            tf.keras.layers.Flatten(),
            tf.keras.layers.Rescaling(1.0, offset=-0.5),
            L2Normalization(),
        ]
    )


def short_attack(**changes):
    """A search that finds the best perturbation of a point."""
    return ProjectedGradientDescent(
        **{"epsilon": 0.1, "steps": 20, "relative_step_size": 0.25, **changes}
    )
