"""rtml_tf: robust transfer metric learning on Keras and TensorFlow."""

import os
import platform

__version__ = "0.1.0"

# TensorFlow reads this when it is imported. Left alone it computes with oneDNN only on CPUs that
# have AVX-512 VNNI; on others its own gradients of convolutions take several times as long.
if platform.machine() in ("AMD64", "x86_64"):
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
