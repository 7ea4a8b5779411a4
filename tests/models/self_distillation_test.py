"""Tests of self-distillation from larger embeddings of the same features."""

from unittest import mock

import numpy as np
import scipy.special
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.attacks.fast_gradient import FastGradientMethod
from rtml_tf.losses.margin_softmax import ArcFaceLoss
from rtml_tf.losses.multi_similarity import MultiSimilarityLoss, multi_similarity_loss
from rtml_tf.models.adversarial_branch import targeted_branches
from rtml_tf.models.mdprop import MDPropModel
from rtml_tf.models.metric_model import MetricModel
from rtml_tf.models.self_distillation import SelfDistillation, similarity_divergences
from rtml_tf.networks.embedding_head import embedding_head

_SIZES = (8, 16)


def _network():
    tf.keras.utils.set_random_seed(0)
    image = tf.keras.Input((6, 6, 1), name="image")
    features = tf.keras.layers.Conv2D(5, 3, activation="relu", name="conv")(image)
    features = tf.keras.layers.BatchNormalization(name="norm")(features)
    return tf.keras.Model(image, embedding_head(features=features, embedding_size=4))


def _batch(size=8):
    rng = np.random.default_rng(0)
    return {
        "image": tf.constant(rng.uniform(size=(size, 6, 6, 1)), tf.float32),
        "label": tf.constant(np.arange(size) % 3, tf.int32),
    }


def _model(model_class=MetricModel, rate=0.1, **arguments):
    arguments = {
        "network": _network(),
        "loss": MultiSimilarityLoss(),
        "self_distillation": SelfDistillation(sizes=_SIZES),
        **arguments,
    }
    model = model_class(**arguments)
    model.compile(optimizer=tf.keras.optimizers.SGD(rate))
    model.prepare(num_classes=3)
    return model


def _unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _divergence(target, source, temperature=1.0):
    """The definition, with SciPy's softmax and relative entropy."""
    p, q = (
        scipy.special.softmax(_unit(x) @ _unit(x).T / temperature, axis=1) for x in (target, source)
    )
    return temperature**2 / len(p) * scipy.special.rel_entr(p, q).sum()


class SimilarityDivergencesTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(1.0, 0.2)
    def test_are_relative_entropies_of_similarities(self, temperature):
        rng = np.random.default_rng(0)
        targets, source = [rng.normal(size=(6, n)) for n in (9, 4)], rng.normal(size=(6, 3))
        found = similarity_divergences([*targets, 3.0 * source], source, temperature=temperature)
        expected = [_divergence(target, source, temperature) for target in targets] + [0.0]
        self.assertAllClose(found, expected, rtol=1e-5, atol=1e-6)

    def test_only_the_source_learns(self):
        rng = np.random.default_rng(0)
        target, source = (tf.Variable(rng.normal(size=(6, size))) for size in (9, 3))
        with tf.GradientTape() as tape:
            (value,) = similarity_divergences([target], source)
        gradients = tape.gradient(value, (target, source))
        self.assertIsNone(gradients[0])
        self.assertGreater(np.abs(gradients[1]).max(), 0.0)


class SelfDistillationTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(1, 2)
    def test_loss_is_the_formula_of_the_paper(self, step):
        """Features, heads and divergences in NumPy and SciPy; the features count from step 2 on."""
        distillation = SelfDistillation(
            sizes=_SIZES, weight=20.0, feature_weight=30.0, feature_start_step=2, temperature=0.5
        )
        model, batch = _model(self_distillation=distillation), _batch()
        model.step.assign(step)
        outputs = model.training_outputs(batch["image"])
        found = model.training_loss(outputs, batch["label"])

        layers = [model.network.get_layer(name) for name in ("conv", "norm")]
        maps = layers[1](layers[0](batch["image"]), training=True).numpy()
        features = maps.mean(axis=(1, 2)) + maps.max(axis=(1, 2))
        weights = iter([variable.numpy() for variable in distillation.head_variables])
        targets = []
        for _ in _SIZES:
            hidden = np.maximum(features @ next(weights) + next(weights), 0.0)
            targets.append(_unit(hidden @ next(weights) + next(weights)))
        embeddings = model.network(batch["image"], training=True).numpy()

        losses = [multi_similarity_loss(target, batch["label"]) for target in targets]
        expected = 0.5 * (multi_similarity_loss(embeddings, batch["label"]) + np.mean(losses))
        expected += 20.0 * np.mean([_divergence(t, embeddings, 0.5) for t in targets])
        if step == 2:
            expected += 30.0 * _divergence(features, embeddings, 0.5)
        self.assertAllClose(found, expected, rtol=1e-4)
        self.assertEqual([x.shape[1] for x in outputs["targets"]], list(_SIZES))

    def test_heads_are_trained_with_the_network_and_not_finished_with_it(self):
        model = _model()
        heads = [variable.numpy() for variable in model.self_distillation.head_variables]
        self.assertLen(heads, 8)
        model.train_step(_batch())
        for variable, before in zip(model.self_distillation.head_variables, heads):
            self.assertNotAllEqual(variable, before)
        self.assertEqual(model.finished_network.count_params(), _network().count_params())

    def test_class_weights_of_the_targets_have_the_optimizer_of_the_loss(self):
        model = _model(loss=ArcFaceLoss(), loss_optimizer=tf.keras.optimizers.SGD(0.0), rate=0.1)
        class_weights = model.self_distillation.loss_variables
        self.assertEqual([x.shape for x in class_weights], [(3, size) for size in _SIZES])
        before = [variable.numpy() for variable in class_weights]
        heads = [variable.numpy() for variable in model.self_distillation.head_variables]
        model.train_step(_batch())
        self.assertAllClose(class_weights, before, atol=0.0)
        self.assertNotAllEqual(model.self_distillation.head_variables[0], heads[0])

    def test_it_takes_the_rows_of_a_mixed_batch_together(self):
        model = _model(
            MDPropModel, branches=targeted_branches(attack=FastGradientMethod(epsilon=0.1))
        )
        with mock.patch.object(
            model.self_distillation, "loss", wraps=model.self_distillation.loss
        ) as loss:
            model.train_step(_batch(7))
        ((_, outputs, labels),) = [call.args for call in loss.call_args_list]
        self.assertEqual(outputs["embedding"].shape, (14, 4))
        self.assertEqual([x.shape for x in outputs["targets"]], [(14, size) for size in _SIZES])
        self.assertAllEqual(labels, 2 * [0, 1, 2, 0, 1, 2, 0])

    def test_trains_in_a_graph_with_branches(self):
        model = _model(
            MDPropModel,
            branches=targeted_branches(attack=FastGradientMethod(epsilon=0.1)),
            rate=0.01,
        )
        dataset = tf.data.Dataset.from_tensors(_batch()).repeat()
        history = model.fit(dataset, steps_per_epoch=4, epochs=2, verbose=0).history
        self.assertLess(history["loss"][1], history["loss"][0])

    def test_configuration_round_trip(self):
        distillation = SelfDistillation(
            sizes=(8,), weight=1.0, feature_weight=2.0, feature_start_step=3, temperature=4.0
        )
        model = _model(self_distillation=distillation)
        again = MetricModel.from_config(model.get_config())
        self.assertEqual(again.self_distillation.get_config(), distillation.get_config())

    @parameterized.parameters(
        ({"sizes": ()}, "sizes must be at least one size, got none"),
        ({"sizes": (8, 0)}, "each of sizes must be an integer of at least 1, got 0"),
        ({"weight": -1.0}, "^weight must be a number of at least 0, got -1.0"),
        ({"feature_weight": -1.0}, "feature_weight must be a number of at least 0, got -1.0"),
        ({"feature_start_step": -1}, "feature_start_step must be an integer of at least 0, got -1"),
        ({"temperature": 0.0}, "temperature must be a number above 0, got 0.0"),
    )
    def test_constants_out_of_range_are_named(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            SelfDistillation(**arguments)

    def test_networks_without_features_and_second_models_are_refused(self):
        distillation = SelfDistillation(sizes=(8,), pooling_layer="gem")
        with self.assertRaisesRegex(ValueError, "has no layer 'gem', got .*'pooling'"):
            _model(self_distillation=distillation)
        distillation = SelfDistillation(sizes=(8,), pooling_layer="embedding")
        with self.assertRaisesRegex(ValueError, r"'embedding' must read features \[B, H, W, C\]"):
            _model(self_distillation=distillation)
        distillation = SelfDistillation(sizes=(8,))
        _model(self_distillation=distillation)
        with self.assertRaisesRegex(ValueError, "belongs to one model"):
            _model(self_distillation=distillation)


if __name__ == "__main__":
    tf.test.main()
