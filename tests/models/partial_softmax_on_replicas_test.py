"""Class weights that are divided among two replicas move as those of one device."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.attacks.fast_gradient import FastGradientMethod
from rtml_tf.layers.l2_normalization import L2Normalization
from rtml_tf.losses import margin_softmax
from rtml_tf.losses.absolute_imitation import AbsoluteImitation
from rtml_tf.losses.combined import CombinedLoss
from rtml_tf.losses.partial_softmax import PartialSoftmaxLoss
from rtml_tf.models.distillation import DistillationModel
from rtml_tf.models.joint_adversarial import JointAdversarialModel
from rtml_tf.models.metric_model import MetricModel
from tests import two_cpus

_CLASSES = 7
_LABELS = (0, 0, 5, 1, 6, 1, 2, 2)
_WEIGHTS = np.random.default_rng(1).normal(size=(_CLASSES, 5)).astype(np.float32)


def setUpModule():
    two_cpus.start()


def _network():
    image = tf.keras.Input((3, 3, 1), name="image")
    features = tf.keras.layers.Dense(5)(tf.keras.layers.Flatten()(image))
    return tf.keras.Model(image, L2Normalization()(features))


def _images(seed=0):
    images = np.random.default_rng(seed).uniform(size=(len(_LABELS), 3, 3, 1))
    return tf.constant(images, tf.float32)


def _joint(**parts):
    return JointAdversarialModel(**parts, attack=FastGradientMethod(epsilon=0.1))


def _joint_with_shared_gradient(**parts):
    return JointAdversarialModel(
        **parts, attack=FastGradientMethod(epsilon=0.1), shared_gradient=True
    )


def _whole(family=margin_softmax.ArcFaceLoss, num_classes=_CLASSES):
    return family(num_classes=num_classes)


def _partial(family=margin_softmax.ArcFaceLoss, **options):
    options = {"sample_rate": 1.0, "learning_rate": 0.5, "momentum": 0.9, **options}
    return PartialSoftmaxLoss(loss=family(num_classes=_CLASSES), **options)


class Trained:
    """A model after some steps, on one device or on two replicas, and what became of it."""

    def __init__(
        self,
        loss,
        *,
        images,
        labels=_LABELS,
        strategy=None,
        method=MetricModel,
        weights=_WEIGHTS,
        in_graph=False,
    ):
        self.strategy = tf.distribute.get_strategy() if strategy is None else strategy
        self.labels, self.losses = tf.constant(labels), []
        with self.strategy.scope():
            tf.keras.utils.set_random_seed(0)
            self.model = method(
                network=_network(),
                loss=loss(),
                loss_optimizer=tf.keras.optimizers.SGD(0.5, momentum=0.9),
            )
            self.model.compile(optimizer=tf.keras.optimizers.SGD(1.0))
            self.model.prepare(num_classes=2)
        first = 0
        for variable in self.class_variables:
            variable.assign(weights[first : first + variable.shape[0]])
            first += variable.shape[0]
        self._train_step = self.model.train_step
        if in_graph:
            self._train_step = tf.function(self.model.train_step)
        for image in images:
            self.step(image)

    def step(self, image):
        strategy = self.strategy

        def rows(context, tensor):
            return tf.split(tensor, context.num_replicas_in_sync)[context.replica_id_in_sync_group]

        parts = tf.nest.map_structure(
            lambda tensor: strategy.experimental_distribute_values_from_function(
                lambda context: rows(context, tensor)
            ),
            {"image": image, "label": self.labels},
        )
        with strategy.scope():
            logs = strategy.run(self._train_step, args=(parts,))
        self.losses.append(strategy.experimental_local_results(logs["loss"])[0].numpy())

    @property
    def class_variables(self):
        weights = self.model.metric_loss.class_weights
        return weights.shards.variables if hasattr(weights, "shards") else [weights]

    @property
    def class_weights(self):
        return np.concatenate([variable.numpy() for variable in self.class_variables])

    @property
    def network_weights(self):
        return [weight.numpy() for weight in self.model.network.weights]


class PartialSoftmaxOnReplicasTest(tf.test.TestCase, parameterized.TestCase):
    def assert_same(self, trained, expected):
        self.assertGreater(np.abs(expected.class_weights - _WEIGHTS).max(), 0.1)
        self.assertAllClose(trained.losses, expected.losses, atol=1e-5, rtol=0)
        self.assertAllClose(trained.class_weights, expected.class_weights, atol=1e-5, rtol=0)
        self.assertAllClose(trained.network_weights, expected.network_weights, atol=1e-5, rtol=0)

    @parameterized.parameters(
        (margin_softmax.ArcFaceLoss, 1, False),
        (margin_softmax.ArcFaceLoss, 2, False),
        (margin_softmax.CosFaceLoss, 2, True),
    )
    def test_with_all_classes_the_steps_are_those_of_the_whole_loss(
        self, family, replicas, in_graph
    ):
        images = [_images(seed) for seed in range(3)]
        trained = Trained(
            lambda: _partial(family),
            images=images,
            strategy=two_cpus.mirrored_strategy() if replicas == 2 else None,
            in_graph=in_graph,
        )
        self.assertLen(trained.class_variables, replicas)
        self.assert_same(trained, Trained(lambda: _whole(family), images=images))

    @parameterized.parameters(_joint, _joint_with_shared_gradient)
    def test_losses_taken_twice_add_up(self, method):
        """On clean and on attacked images; the attack raises the loss over all classes too."""
        images = [_images(0), _images(1)]
        trained = Trained(
            _partial, images=images, strategy=two_cpus.mirrored_strategy(), method=method
        )
        self.assert_same(trained, Trained(_whole, images=images, method=method))

    @parameterized.parameters(MetricModel, _joint_with_shared_gradient)
    def test_a_step_with_sampled_classes_is_that_of_these_classes_alone(self, method):
        """A low scale gives every class of a sample a gradient, so that it is seen to move."""

        def sampled():
            loss = margin_softmax.ArcFaceLoss(num_classes=_CLASSES, scale=1.0)
            return PartialSoftmaxLoss(loss=loss, sample_rate=0.5, learning_rate=0.5)

        strategy = two_cpus.mirrored_strategy()
        trained = Trained(sampled, images=[_images()], strategy=strategy, method=method)
        moved = np.flatnonzero(np.any(trained.class_weights != _WEIGHTS, axis=1))
        # Replica 0 has classes 0 to 3, of which it sees 2 and all of the batch: 0, 1, 2. Replica 1
        # has 4 to 6, sees 2, and 5 and 6 are in the batch.
        self.assertAllEqual(moved, [0, 1, 2, 5, 6])
        expected = Trained(
            lambda: margin_softmax.ArcFaceLoss(num_classes=len(moved), scale=1.0),
            images=[_images()],
            labels=tuple(np.searchsorted(moved, _LABELS).tolist()),
            method=method,
            weights=_WEIGHTS[moved],
        )
        self.assertAllClose(trained.losses, expected.losses, atol=1e-5, rtol=0)
        self.assertAllClose(trained.network_weights, expected.network_weights, atol=1e-5, rtol=0)
        self.assertAllClose(trained.class_weights[moved], expected.class_weights, atol=1e-5, rtol=0)

    def test_replicas_draw_negatives_of_their_own(self):
        def sampled():
            loss = margin_softmax.ArcFaceLoss(num_classes=40, scale=1.0)
            return PartialSoftmaxLoss(loss=loss, sample_rate=0.5)

        weights = np.random.default_rng(2).normal(size=(40, 5)).astype(np.float32)
        trained = Trained(
            sampled,
            images=[_images()],
            labels=(0,) * 8,
            strategy=two_cpus.mirrored_strategy(),
            weights=weights,
        )
        moved = np.any(trained.class_weights != weights, axis=1).reshape(2, 20)
        self.assertAllEqual(moved.sum(axis=1), [10, 10])
        # With the same draws only class 0, which is in the batch, would take the place of another.
        self.assertGreater((moved[0] != moved[1]).sum(), 2)

    @parameterized.parameters(0, 7)
    def test_a_step_that_is_not_finite_moves_no_shard(self, row):
        """Whichever replica has the image."""
        bad = _images().numpy()
        bad[row] = np.nan
        trained = Trained(_partial, images=[_images()], strategy=two_cpus.mirrored_strategy())
        loss = trained.model.metric_loss

        def state():
            momenta = loss.class_weights.momenta.numpy()
            return [trained.class_weights, momenta, loss.step.numpy(), *trained.network_weights]

        before = state()
        trained.step(tf.constant(bad))
        self.assertEqual(trained.model.skipped_steps.count.numpy(), 1)
        for value, old in zip(state(), before):
            self.assertAllEqual(value, old)

    def test_shards_are_found_wherever_losses_are(self):
        model = MetricModel(
            network=_network(),
            loss=CombinedLoss(losses=[_partial(), _partial(margin_softmax.CosFaceLoss)]),
        )
        model.compile(optimizer=tf.keras.optimizers.SGD(1.0))
        model.prepare(num_classes=2)
        self.assertLen(model.sharded_rows, 2)
        before = [rows.own.rows.numpy() for rows in model.sharded_rows]
        model.train_step({"image": _images(), "label": tf.constant(_LABELS)})
        for rows, value in zip(model.sharded_rows, before):
            self.assertNotAllClose(rows.own.rows, value)

    def test_local_negatives_are_refused(self):
        strategy = two_cpus.mirrored_strategy()
        with strategy.scope():
            model = MetricModel(network=_network(), loss=_partial())
            model.compile(optimizer=tf.keras.optimizers.SGD(1.0), negatives="local")
            with self.assertRaisesRegex(ValueError, "negatives must be 'global', got 'local'"):
                model.prepare(num_classes=2)

    def test_distillation_on_replicas_is_refused(self):
        with two_cpus.mirrored_strategy().scope():
            model = DistillationModel(
                teacher=_network(),
                student=_network(),
                imitation=AbsoluteImitation(),
                metric_loss=_partial(),
            )
            model.compile(optimizer=tf.keras.optimizers.SGD(1.0))
            with self.assertRaisesRegex(ValueError, "metric_loss must not divide .* 2 replicas"):
                model.prepare(num_classes=2)


if __name__ == "__main__":
    tf.test.main()
