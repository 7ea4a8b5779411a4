"""Tests of a step with branches and attacks, beside the algorithm by hand."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.attacks.embedding_objectives import TargetEmbeddingObjective
from rtml_tf.attacks.fast_gradient import FastGradientMethod
from rtml_tf.attacks.objective import Objective
from rtml_tf.losses.metric_loss import MetricLoss
from rtml_tf.models.adversarial_branch import AdversarialBranch
from rtml_tf.models.branch_combination import JointCombination, SeparateCombination
from rtml_tf.models.mdprop import MDPropModel
from rtml_tf.networks.branches import with_branches
from tests import two_cpus

_EPSILON, _MOMENTUM, _RATE = 0.01, 0.75, 0.5  # Of the linear network's batch norm and training.


def setUpModule():
    two_cpus.start()


class _SquaredError(MetricLoss):
    """The mean over the batch of |e - label|^2."""

    def call(self, embeddings, labels):
        errors = embeddings - tf.cast(labels, tf.float32)[:, tf.newaxis]
        return tf.reduce_mean(tf.reduce_sum(errors**2, axis=1))


class _Reversed(Objective):
    """Moves every embedding to the clean one at the other end of its batch."""

    def prepare(self, network, batch, *, seed):
        targets = tf.reverse(network(batch["image"]), axis=[0])
        return TargetEmbeddingObjective().prepare(network, {"target_embedding": targets}, seed=seed)


def _linear():
    """`batch norm(x W)`, with branches that differ."""
    tf.keras.utils.set_random_seed(0)
    inputs = tf.keras.Input((2,))
    outputs = tf.keras.layers.Dense(2, use_bias=False, name="dense")(inputs)
    norm = tf.keras.layers.BatchNormalization(momentum=_MOMENTUM, epsilon=_EPSILON, name="norm")
    network = tf.keras.Model(inputs, norm(outputs))
    network = with_branches(network=network, branches=("clean", "first", "second"))
    rng = np.random.default_rng(0)
    for weight in network.get_layer("norm").weights:
        weight.assign(rng.uniform(0.5, 1.5, weight.shape))
    return network


def _linear_batch():
    rng = np.random.default_rng(1)
    return {
        "image": tf.constant(rng.uniform(0.3, 0.7, (5, 2)), tf.float32),
        "label": tf.constant([1, 0, 2, 1, 0]),
    }


def _linear_model(**arguments):
    branch = AdversarialBranch(attack=FastGradientMethod(epsilon=0.1), objective=_Reversed())
    model = MDPropModel(
        network=_linear(),
        loss=_SquaredError(),
        branches={"first": branch, "second": branch},
        **arguments,
    )
    model.compile(optimizer=tf.keras.optimizers.SGD(_RATE))
    return model


class AlgorithmTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.product(
        whole_batch=(False, True),
        weights=(None, {"clean": 1.0, "first": 0.5, "second": 2.0}),
    )
    def test_one_step_by_hand(self, whole_batch, weights):
        """The algorithm in NumPy for `batch norm(x W)`: attack, mixed pass, gradient, update."""
        model = _linear_model(
            whole_batch=whole_batch,
            combination=JointCombination()
            if weights is None
            else SeparateCombination(weights=weights),
        )
        kernel = model.network.get_layer("dense").kernel.numpy()
        layer = model.network.get_layer("norm")
        norms = {name: layer.branch_weights(name) for name in ("clean", "first", "second")}
        images, labels = (value.numpy() for value in _linear_batch().values())

        # Five images in two parts: three and two.
        rows = {"first": slice(0, 5), "second": slice(0, 5)}
        if not whole_batch:
            rows = {"first": slice(0, 3), "second": slice(3, 5)}
        parts, part_labels = {"clean": images}, {"clean": labels}
        for name, part in rows.items():
            gamma, beta, mean, variance = norms[name]
            scale = gamma / np.sqrt(variance + _EPSILON)
            embeddings = (images[part] @ kernel - mean) * scale + beta
            away = embeddings - embeddings[::-1]
            lengths = np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-6)
            gradient = (away / lengths * scale) @ kernel.T
            parts[name] = np.clip(images[part] - 0.1 * np.sign(gradient), 0.0, 1.0)
            part_labels[name] = labels[part]

        if weights is None:
            count = sum(len(part) for part in parts.values())
            row_weights = {name: 1.0 / count for name in parts}
        else:
            row_weights = {name: weights[name] / len(part) for name, part in parts.items()}
        kernel_gradient, loss, updated = np.zeros([2, 2]), 0.0, {}
        for name, part in parts.items():
            gamma, beta, mean, variance = norms[name]
            features = part @ kernel
            moments = features.mean(axis=0), features.var(axis=0)
            root = np.sqrt(moments[1] + _EPSILON)
            normal = (features - moments[0]) / root
            errors = normal * gamma + beta - part_labels[name][:, np.newaxis]
            loss += row_weights[name] * np.sum(errors**2)
            upstream = 2.0 * row_weights[name] * errors
            inner = upstream * gamma
            # Batch norm's own gradient, through its mean and its variance.
            inner -= inner.mean(axis=0) + normal * (inner * normal).mean(axis=0)
            kernel_gradient += part.T @ (inner / root)
            updated[name] = [
                gamma - _RATE * (upstream * normal).sum(axis=0),
                beta - _RATE * upstream.sum(axis=0),
                _MOMENTUM * mean + (1 - _MOMENTUM) * moments[0],
                _MOMENTUM * variance + (1 - _MOMENTUM) * moments[1],
            ]

        logs = model.train_step(_linear_batch())

        self.assertAllClose(logs["loss"], loss, atol=1e-4)
        found = model.network.get_layer("dense").kernel
        self.assertAllClose(found, kernel - _RATE * kernel_gradient, atol=1e-4)
        for name, expected in updated.items():
            self.assertAllClose(layer.branch_weights(name), expected, atol=1e-4)
        norm = np.abs(parts["second"] - images[rows["second"]]).max(axis=1).mean()
        self.assertAllClose(logs["second_perturbation_norm"], norm, atol=1e-6)

    def test_two_replicas_with_one_batch_each_take_the_step_of_one(self):
        """Parts and targets are those of the replica's own batch."""

        def trained(strategy):
            with strategy.scope():
                model = _linear_model()
                model.prepare(num_classes=3)
            two_cpus.fit_on_each_replica(model, strategy, _linear_batch(), steps=2)
            return model.network.get_weights() + model.finished_network.get_weights()

        one = trained(tf.distribute.get_strategy())
        two = trained(two_cpus.mirrored_strategy())
        self.assertAllClose(two, one, atol=1e-5)


if __name__ == "__main__":
    tf.test.main()
