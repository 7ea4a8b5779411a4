"""Everything that the `augmentation` of a pipeline may hold, in one place for gin files."""

from rtml_tf.data.augmentation_base import Augmentation, augment
from rtml_tf.data.cutout import Cutout
from rtml_tf.data.keras_preprocessing import KerasPreprocessing
from rtml_tf.data.one_of import OneOf
from rtml_tf.data.random_crops import RandomCrop, RandomResizedCrop
from rtml_tf.data.random_detail import GaussianBlur, GaussianNoise, LowResolution
from rtml_tf.data.random_light import RandomGamma, RandomTint
from rtml_tf.data.random_moves import RandomFlip, RandomRotation, RandomTranslation
from rtml_tf.data.random_scale import RandomScale
from rtml_tf.data.random_tones import RandomBrightness, RandomContrast

__all__ = [
    "Augmentation",
    "Cutout",
    "GaussianBlur",
    "GaussianNoise",
    "KerasPreprocessing",
    "LowResolution",
    "OneOf",
    "RandomBrightness",
    "RandomContrast",
    "RandomCrop",
    "RandomFlip",
    "RandomGamma",
    "RandomResizedCrop",
    "RandomRotation",
    "RandomScale",
    "RandomTint",
    "RandomTranslation",
    "augment",
]
