"""Tests that no method trains on a loss or a gradient that is not finite."""

import math

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.attacks.fast_gradient import FastGradientMethod
from rtml_tf.layers.l2_normalization import L2Normalization
from rtml_tf.losses.absolute_imitation import AbsoluteImitation
from rtml_tf.losses.center import CenterLoss
from rtml_tf.losses.combined import CombinedLoss
from rtml_tf.losses.local_alignment import CategoryWeights
from rtml_tf.losses.margin_softmax import ArcFaceLoss
from rtml_tf.models.adversarial_branch import AdversarialBranch
from rtml_tf.models.alternating_adversarial import AlternatingAdversarialModel
from rtml_tf.models.category_adversarial import CategoryAdversarialModel
from rtml_tf.models.category_adversarial_embedding import CategoryAdversarialEmbeddingModel
from rtml_tf.models.distillation import DistillationModel
from rtml_tf.models.entropy_minimization import EntropyMinimizationModel
from rtml_tf.models.free_adversarial import FreeAdversarialModel
from rtml_tf.models.joint_adversarial import JointAdversarialModel
from rtml_tf.models.mdprop import MDPropModel
from rtml_tf.models.metric_model import MetricModel
from rtml_tf.models.segmentation_model import SegmentationModel
from rtml_tf.networks.discriminator import embedding_discriminator, map_discriminator
from tests import two_cpus

_SHAPE = (8, 8, 1)


def setUpModule():
    two_cpus.start()


def _network():
    tf.keras.utils.set_random_seed(0)
    image = tf.keras.Input(_SHAPE, name="image")
    x = tf.keras.layers.Conv2D(2, 3, strides=4, name="conv")(image)
    x = tf.keras.layers.BatchNormalization(name="norm")(x)
    x = tf.keras.layers.Dense(3, name="dense")(tf.keras.layers.Flatten()(x))
    return tf.keras.Model(image, L2Normalization()(x))


def _generator():
    tf.keras.utils.set_random_seed(0)
    image = tf.keras.Input((None, None, 1), name="image")
    x = tf.keras.layers.Conv2D(3, 2, strides=2, name="stem")(image)
    x = tf.keras.layers.BatchNormalization(name="norm")(x)
    heads = {head: tf.keras.layers.Conv2D(3, 1, name=f"{head}_x") for head in ("p1", "p2")}
    return tf.keras.Model(image, {head: layer(x) for head, layer in heads.items()})


def _loss():
    """Has weights that its gradient moves, and centres that move without one."""
    return CombinedLoss(losses=[ArcFaceLoss(), CenterLoss()], weights=[1.0, 0.5])


def _adam():
    return tf.keras.optimizers.Adam(0.1)


def _metric(kind=MetricModel, **arguments):
    return kind(network=_network(), loss=_loss(), loss_optimizer=_adam(), **arguments)


def _joint(**arguments):
    attack = FastGradientMethod(epsilon=0.1)
    return _metric(JointAdversarialModel, attack=attack, **arguments)


def _mdprop():
    attack = FastGradientMethod(epsilon=0.1)
    branch = AdversarialBranch(attack=attack)
    return _metric(MDPropModel, branches={"adversarial": branch})


def _distillation():
    return DistillationModel(
        student=_network(), imitation=AbsoluteImitation(), teacher=None, metric_loss=_loss()
    )


def _clan(kind):
    return kind(
        generator=_generator(),
        discriminator=map_discriminator(input_shape=(None, None, 3), filters=(4,)),
        discriminator_optimizer=_adam(),
        category_weights=CategoryWeights(lambda_local=3.0),
    )


def _clan_embedding():
    return _metric(
        CategoryAdversarialEmbeddingModel,
        discriminator=embedding_discriminator(embedding_size=3, filters=(5,)),
        discriminator_optimizer=_adam(),
        category_weights=CategoryWeights(lambda_local=3.0),
    )


_METHODS = {
    "metric": _metric,
    "joint": _joint,
    "shared gradient": lambda: _joint(shared_gradient=True),
    "free": lambda: _metric(FreeAdversarialModel, epsilon=0.1, replays=2),
    "mdprop": _mdprop,
    "distillation": _distillation,
    "segmentation": lambda: SegmentationModel(network=_generator()),
    "entropy": lambda: EntropyMinimizationModel(network=_generator()),
    "clan reversal": lambda: _clan(CategoryAdversarialModel),
    "clan alternating": lambda: _clan(AlternatingAdversarialModel),
    "clan embedding": _clan_embedding,
}


def _batch(broken=None):
    """Something for every method; the first pixel of the images can be broken."""
    rng = np.random.default_rng(0)
    images = rng.uniform(size=(6, *_SHAPE)).astype(np.float32)
    if broken is not None:
        images[0, 0, 0, 0] = broken
    labels = np.repeat(np.arange(3), 2).astype(np.int32)
    masks = rng.integers(0, 3, size=(6, 8, 8)).astype(np.int32)
    domain = {"image": images, "label": labels, "mask": masks}
    return tf.nest.map_structure(tf.constant, {**domain, "source": domain, "target": domain})


def _batch_for(name, **arguments):
    batch = _batch(**arguments)
    if name == "distillation":  # The source views are the embeddings of a teacher.
        taught = tf.math.l2_normalize(tf.random.stateless_normal([6, 3], [0, 0]), axis=1)
        return {"source": taught, "target": batch["image"], "label": batch["label"]}
    return batch


def _prepared(model, optimizer=None, **options):
    model.compile(optimizer=optimizer or _adam(), **options)
    model.prepare(num_classes=3)
    return model


def _state(model):
    """Everything that training changes but the counts of steps, by name."""
    counts = {id(v) for v in (model.step, *model.skipped_steps.variables)}
    optimizers = [optimizer for optimizer, _ in model.optimizers_and_variables()]
    variables = [*model.variables, *(v for m in model.metrics for v in m.variables)]
    variables += [v for optimizer in optimizers for v in optimizer.variables]
    return [(v.name, v.numpy()) for v in variables if id(v) not in counts]


class SkippedStepsTest(tf.test.TestCase, parameterized.TestCase):
    def assert_same_state(self, state, expected):
        for (name, value), (_, wanted) in zip(state, expected, strict=True):
            np.testing.assert_array_equal(value, wanted, err_msg=name)

    @parameterized.named_parameters((name.replace(" ", "_"), name) for name in _METHODS)
    def test_a_batch_that_is_not_finite_changes_nothing(self, name):
        model = _prepared(_METHODS[name]())
        train_step = tf.function(model.train_step)
        train_step(_batch_for(name))
        self.assertEqual(model.skipped_steps.count, 0)
        before = _state(model)
        logs = train_step(_batch_for(name, broken=np.nan))
        self.assert_same_state(_state(model), before)
        self.assertGreater(model.skipped_steps.count, 0)
        self.assertTrue(math.isnan(model.skipped_steps.loss))
        self.assertTrue(np.isfinite(logs["loss"]))
        train_step(_batch_for(name))
        self.assertEqual(model.skipped_steps.in_a_row, 0)
        changed = [np.any(new != old) for (_, new), (_, old) in zip(_state(model), before)]
        self.assertGreater(sum(changed), len(changed) // 2)

    def test_a_step_that_is_not_skipped_is_the_optimizer_s_own(self):
        model, alone = _prepared(_metric()), _prepared(_metric())
        gradients = [tf.ones_like(v) for v in model.network.trainable_variables]
        gradients += [tf.ones_like(v) for v in model.loss_variables]
        model.descend(gradients)
        alone.optimizer.apply_gradients(zip(gradients, alone.network.trainable_variables))
        self.assert_same_state(
            [(v.name, v.numpy()) for v in model.network.weights],
            [(v.name, v.numpy()) for v in alone.network.weights],
        )

    def test_a_loss_that_is_not_finite_is_enough(self):
        """The gradient of `a + inf` is that of a."""
        model = _prepared(_metric())
        before = _state(model)
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model.network(_batch()["image"])) + float("inf")
        model.gradient_step(tape, loss)
        self.assertEqual(model.skipped_steps.count, 1)
        self.assert_same_state(_state(model), before)

    def test_remembers_the_first_step_of_a_row_and_its_gradients(self):
        model = _prepared(_metric())
        variables = [v for _, group in model.optimizers_and_variables() for v in group]
        good = [tf.zeros_like(v) for v in variables]
        for position in (1, 2):
            model.descend(good)
            for broken in (position, 0):
                bad = list(good)
                bad[broken] = tf.fill(bad[broken].shape, float("inf"))
                model.descend(bad)
        skipped = model.skipped_steps
        self.assertEqual((int(skipped.count), int(skipped.in_a_row), int(skipped.step)), (4, 2, 4))
        finite = np.isfinite(skipped.gradient_sums.numpy())
        self.assertEqual(np.flatnonzero(~finite).tolist(), [2])

    def test_after_enough_steps_in_a_row_no_step_is_taken_any_more(self):
        model = _prepared(_metric())
        model.skipped_steps.stop_after = 2
        train_step = tf.function(model.train_step)
        for _ in range(2):
            train_step(_batch(broken=np.nan))
        before = _state(model)
        train_step(_batch())
        self.assert_same_state(_state(model), before)
        self.assertEqual(model.skipped_steps.step, 0)

    def test_an_overflow_that_a_smaller_scale_mends_is_none_of_a_row(self):
        scaling = tf.keras.mixed_precision.LossScaleOptimizer(_adam(), initial_scale=4.0)
        model = _prepared(_metric(), scaling)
        bad = [
            tf.fill(v.shape, float("inf"))
            for _, group in model.optimizers_and_variables()
            for v in group
        ]
        rows = []
        for _ in range(4):
            model.descend(bad)
            rows.append((float(scaling.loss_scale), int(model.skipped_steps.in_a_row)))
        self.assertEqual(rows, [(2.0, 0), (1.0, 0), (1.0, 1), (1.0, 2)])
        self.assertEqual(model.skipped_steps.count, 4)

    def test_one_replica_of_two_stops_both(self):
        with (strategy := two_cpus.mirrored_strategy()).scope():
            # With global negatives the loss itself would be that of both.
            model = _prepared(_joint(), negatives="local")
        good, bad = _batch(), _batch(broken=np.nan)

        @tf.function
        def step(broken):
            def on_replica():
                second = tf.distribute.get_replica_context().replica_id_in_sync_group == 1
                keys = ("image", "label")
                batch = {k: tf.where(second & broken, bad[k], good[k]) for k in keys}
                model.train_step(batch)

            strategy.run(on_replica)

        def weights():
            everything = (*model.variables, *model.optimizer.variables)
            local = [strategy.experimental_local_results(v) for v in everything]
            counts = {model.step.name, *(v.name for v in model.skipped_steps.variables)}
            return [
                (v.name, part.numpy())
                for v, parts in zip(everything, local)
                if v.name not in counts
                for part in parts
            ]

        step(tf.constant(False))
        before = weights()
        step(tf.constant(True))
        self.assert_same_state(weights(), before)
        self.assertEqual(model.skipped_steps.count, 1)
        step(tf.constant(False))
        self.assertNotAllClose(weights()[0][1], before[0][1])


if __name__ == "__main__":
    tf.test.main()
