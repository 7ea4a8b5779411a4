"""Tests of computing embeddings."""

import gc
import weakref

import numpy as np
import tensorflow as tf

from rtml_tf.evaluation import embeddings


class _Batches:
    def __init__(self, images, batch_size):
        self._images = images
        self.batch_size = batch_size
        self.labels = np.arange(len(images), dtype=np.int32)
        self.steps = -(-len(images) // batch_size)

    def dataset(self, *, first=0, count=None):
        dataset = tf.data.Dataset.from_tensor_slices({"image": self._images, "label": self.labels})
        dataset = dataset.batch(self.batch_size).skip(first)
        return dataset if count is None else dataset.take(count)


class _Counting(tf.keras.layers.Layer):
    """Counts how often it is traced, and subtracts 1000 when it is called in training."""

    traces = 0

    def call(self, inputs, training=None):
        _Counting.traces += 1
        return inputs - 1000.0 if training else inputs


def _network(**kwargs):
    return tf.keras.Sequential(
        [tf.keras.Input((2, 3, 1)), _Counting(**kwargs), tf.keras.layers.Flatten()],
        name="flattening",
    )


_IMAGES = np.arange(42, dtype=np.float32).reshape(7, 2, 3, 1)


class EmbedTest(tf.test.TestCase):
    def test_embeds_all_images_in_order_in_inference_mode(self):
        network = _network()
        vectors, labels = embeddings.embed(network, _Batches(_IMAGES, 3))
        self.assertAllEqual(vectors, _IMAGES.reshape(7, 6))
        self.assertAllEqual(labels, range(7))

    def test_traces_once_and_sees_new_weights(self):
        network = tf.keras.Sequential([_network(), tf.keras.layers.Dense(2, use_bias=False)])
        network.build((None, 2, 3, 1))
        _Counting.traces = 0
        for value in (1.0, 2.0):
            network.layers[-1].set_weights([np.full((6, 2), value, np.float32)])
            vectors, _ = embeddings.embed(network, _Batches(_IMAGES, 4))
            self.assertAllClose(vectors, value * _IMAGES.reshape(7, 6).sum(1)[:, None] + [[0, 0]])
        self.assertEqual(_Counting.traces, 1)

    def test_gives_float32_under_mixed_precision(self):
        vectors, _ = embeddings.embed(_network(dtype="mixed_float16"), _Batches(_IMAGES, 4))
        self.assertEqual(vectors.dtype, np.float32)

    def test_does_not_keep_the_network_alive(self):
        network = _network()
        embeddings.embed(network, _Batches(_IMAGES, 4))
        reference = weakref.ref(network)
        del network
        tf.keras.backend.clear_session()
        gc.collect()
        self.assertIsNone(reference())

    def test_wrong_image_shape_names_both(self):
        with self.assertRaisesRegex(
            ValueError, r"'flattening' takes inputs of shape \(2, 3, 1\), .* gives \(3, 2, 1\)"
        ):
            embeddings.embed(_network(), _Batches(_IMAGES.reshape(7, 3, 2, 1), 4))

    def test_feature_maps_are_not_embeddings(self):
        network = tf.keras.Sequential([tf.keras.Input((2, 3, 1)), _Counting()])
        with self.assertRaisesRegex(ValueError, r"\[B, D\], got an output of shape \(None, 2, 3"):
            embeddings.embed(network, _Batches(_IMAGES, 4))

    def test_no_images_are_refused(self):
        with self.assertRaisesRegex(ValueError, "at least one image, got none"):
            embeddings.embed(_network(), _Batches(_IMAGES[:0], 4))


if __name__ == "__main__":
    tf.test.main()
