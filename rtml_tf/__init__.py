"""rtml_tf: robust transfer metric learning on Keras and TensorFlow."""

__version__ = "0.1.0"
