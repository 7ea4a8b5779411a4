"""Tests of supervised segmentation."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.losses.segmentation import FocalLoss
from rtml_tf.models.segmentation_model import SegmentationModel
from rtml_tf.networks.small_deeplab import small_deeplab
from tests.aligned_corners import resize_aligned

_SGD = tf.keras.optimizers.SGD


def _network(classes=3):
    """A feature map of half the size, and two linear heads."""
    image = tf.keras.Input((None, None, 1), name="image")
    features = tf.keras.layers.Conv2D(2, 2, strides=2, activation="tanh", name="stem")(image)
    heads = {h: tf.keras.layers.Conv2D(classes, 1, name=f"{h}_logits") for h in ("p1", "p2")}
    return tf.keras.Model(image, {head: layer(features) for head, layer in heads.items()})


def _batch(size=2):
    rng = np.random.default_rng(0)
    mask = rng.integers(0, 3, size=(size, 8, 12)).astype(np.int32)
    mask[0, 0] = 255
    images = rng.uniform(size=(size, 8, 12, 1)).astype(np.float32)
    return {"source": {"image": tf.constant(images), "mask": tf.constant(mask)}}


def _spec(batch):
    return tf.nest.map_structure(lambda x: tf.TensorSpec([None, *x.shape[1:]], x.dtype), batch)


def _compiled(model, rate=0.5):
    model.compile(optimizer=_SGD(rate))
    model.prepare(num_classes=3)
    return model


class SegmentationModelTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        tf.keras.utils.set_random_seed(0)

    @parameterized.parameters((False, tf.image.resize), (True, resize_aligned))
    def test_one_step_is_gradient_descent_on_the_formula(self, aligned_corners, resize):
        """0.1 CE(p1) + CE(p2) + 0.3 (cos + 1), written with NumPy-like operations on the side."""
        network, batch = _network(), _batch()
        images, mask = batch["source"]["image"], batch["source"]["mask"].numpy()
        known = mask != 255
        one_hot = np.eye(3, dtype=np.float32)[np.where(known, mask, 0)]
        with tf.GradientTape() as tape:
            outputs = network(images, training=True)
            loss, accuracy = 0.0, None
            for head, weight in (("p1", 0.1), ("p2", 1.0)):
                logits = resize(outputs[head], (8, 12))
                log_p = tf.math.log(tf.nn.softmax(logits))
                loss -= weight * tf.reduce_sum(one_hot * log_p * known[..., None]) / known.sum()
            w1, w2 = (
                tf.concat([tf.reshape(w, [-1]) for w in network.get_layer(name).weights], 0)
                for name in ("p1_logits", "p2_logits")
            )
            cosine = tf.reduce_sum(w1 * w2) / (tf.norm(w1) * tf.norm(w2))
            loss += 0.3 * (cosine + 1.0)
        gradients = tape.gradient(loss, network.trainable_variables)
        expected = [v - 0.5 * g for v, g in zip(network.trainable_variables, gradients)]
        predicted = np.argmax(resize(outputs["p1"] + outputs["p2"], (8, 12)), -1)
        accuracy = np.mean((predicted == mask)[known])

        model = SegmentationModel(
            network=network,
            discrepancy_weight=0.3,
            head_weights=(0.1, 1.0),
            aligned_corners=aligned_corners,
        )
        logs = _compiled(model).train_step(batch)
        self.assertAllClose(network.trainable_variables, expected, atol=1e-5)
        self.assertAllClose(logs["loss"], loss)
        self.assertAllClose(logs["pixel_accuracy"], accuracy)
        self.assertAllClose(logs["weight_discrepancy"], cosine + 1.0)

    def test_heads_may_have_an_optimizer_of_their_own(self):
        model = SegmentationModel(network=_network(), head_optimizer=_SGD(0.5))
        before = {w.name: w.numpy() for w in model.network.weights}
        _compiled(model, rate=0.0).train_step(_batch())
        for weight in model.network.weights:
            moved = not np.allclose(before[weight.name], weight)
            self.assertEqual(moved, not weight.name.startswith("stem"), weight.name)

    def test_a_batch_without_any_class_changes_nothing(self):
        batch = _batch()
        batch["source"]["mask"] = tf.fill([2, 8, 12], 255)
        model = _compiled(SegmentationModel(network=_network()))
        before = model.network.get_weights()
        logs = model.train_step(batch)
        self.assertAllClose(model.network.get_weights(), before)
        self.assertEqual([float(logs["loss"]), float(logs["pixel_accuracy"])], [0.0, 0.0])

    def test_learns_shapes_in_a_graph_and_passes_over_the_target(self):
        """Three grey tones are three classes."""
        rng = np.random.default_rng(1)
        mask = np.repeat(np.repeat(rng.integers(0, 3, size=(4, 4, 4)), 8, 1), 8, 2)
        image = (mask[..., None] / 2.0).astype(np.float32)
        batch = {
            "source": {"image": tf.constant(image), "mask": tf.constant(mask, tf.int32)},
            "target": {"image": tf.zeros([1, 16, 16, 1])},
        }
        network = small_deeplab(input_shape=(None, None, 1), num_classes=3, filters=(8, 8, 8))
        model = SegmentationModel(network=network, segmentation_loss=FocalLoss())
        model.compile(optimizer=tf.keras.optimizers.Adam(0.01))
        model.prepare(num_classes=3)
        dataset = tf.data.Dataset.from_tensors(batch).repeat()
        history = model.fit(dataset, steps_per_epoch=15, epochs=2, verbose=0).history
        self.assertLess(history["loss"][1], 0.5 * history["loss"][0])
        self.assertGreater(history["pixel_accuracy"][1], 0.9)
        self.assertEqual(model(image).shape, (4, 32, 32, 3))

    def test_configuration_round_trip(self):
        model = SegmentationModel(
            network=_network(),
            segmentation_loss=FocalLoss(gamma=1.0),
            discrepancy_weight=tf.keras.optimizers.schedules.PolynomialDecay(0.1, 10, 0.0),
            head_optimizer=_SGD(0.25),
        )
        again = SegmentationModel.from_config(model.get_config())
        self.assertEqual(again.segmentation_loss.get_config(), model.segmentation_loss.get_config())
        self.assertEqual(again.head_optimizer.learning_rate.numpy(), 0.25)
        self.assertAllClose(again.discrepancy_weight(5), 0.05)

    def test_refuses_data_that_does_not_fit(self):
        model = SegmentationModel(network=_network())
        model.check_data(_spec(_batch()))
        spec = _spec(_batch())
        spec["source"]["mask"] = tf.TensorSpec([None, 4, 12], tf.int32)
        with self.assertRaisesRegex(ValueError, r"size of their images, got \(4, 12\) for \(8, 12"):
            model.check_data(spec)
        with self.assertRaisesRegex(ValueError, r"takes inputs of shape \(None, None, 1\), but"):
            model.check_data({"source": {"image": tf.zeros([1, 8, 8, 3]), "mask": spec}})
        with self.assertRaisesRegex(ValueError, "batches must hold .*mask"):
            model.check_data({"image": spec})
        with self.assertRaisesRegex(ValueError, "has logits for 3 classes, but the data has 4"):
            model.prepare(num_classes=4)
        averaging = SegmentationModel(network=_network(), head_optimizer=_SGD(0.1, use_ema=True))
        with self.assertRaisesRegex(ValueError, "use_ema must be the same .* got False and True"):
            _compiled(averaging)

    def test_heads_of_different_shapes_train_where_they_need_not_differ(self):
        image = tf.keras.Input((None, None, 1))
        early = tf.keras.layers.Conv2D(3, 3, padding="same")(image)
        late = tf.keras.layers.Conv2D(5, 3, padding="same")(early)
        heads = {
            name: tf.keras.layers.Conv2D(3, 1, name=f"{name}_x")(features)
            for name, features in (("p1", early), ("p2", late))
        }
        network = tf.keras.Model(image, heads)
        with self.assertRaisesRegex(ValueError, "discrepancy_weight .* must be 0 .* got 0.1"):
            SegmentationModel(network=network, discrepancy_weight=0.1)
        model = _compiled(SegmentationModel(network=network))
        before = float(model.train_step(_batch())["loss"])
        logs = model.train_step(_batch())
        self.assertLess(float(logs["loss"]), before)
        self.assertEqual(float(logs["weight_discrepancy"]), 1.0)

    @parameterized.parameters(
        ({"segmentation_loss": "focal"}, "must be a SegmentationLoss, got 'focal'"),
        ({"discrepancy_weight": -1.0}, "discrepancy_weight must be a number of at least 0"),
        ({"head_weights": (1.0,)}, r"head_weights must be two numbers, got \(1.0,\)"),
        ({"network": None}, "network must be a functional tf.keras.Model, got None"),
    )
    def test_refuses(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            SegmentationModel(**{"network": _network(), **arguments})


if __name__ == "__main__":
    tf.test.main()
