"""The one door to TensorFlow Addons: what the project uses of it, and nothing else.

TensorFlow Addons is no longer developed. Importing it only here keeps its end-of-life warning out
of every run and leaves one file to change when a part of it has to be replaced.
"""

import warnings

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message=r"\s*TensorFlow Addons", category=UserWarning)
    import tensorflow_addons as tfa

# Image operations: data/augmentation.
cutout = tfa.image.cutout
gaussian_filter2d = tfa.image.gaussian_filter2d
rotate = tfa.image.rotate
translate = tfa.image.translate

# Losses on one batch of pairs or triplets: losses/{contrastive,lifted_structure,n_pairs,triplet}.
contrastive_loss = tfa.losses.contrastive_loss
lifted_struct_loss = tfa.losses.lifted_struct_loss
npairs_loss = tfa.losses.npairs_loss
triplet_hard_loss = tfa.losses.triplet_hard_loss
triplet_semihard_loss = tfa.losses.triplet_semihard_loss
