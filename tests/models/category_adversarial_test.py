"""Tests of category-level adversaries in both forms, and of entropy minimisation."""

import pathlib

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.losses.entropy import self_information_maps
from rtml_tf.losses.local_alignment import CategoryWeights
from rtml_tf.models.alternating_adversarial import AlternatingAdversarialModel
from rtml_tf.models.category_adversarial import CategoryAdversarialModel
from rtml_tf.models.entropy_minimization import EntropyMinimizationModel
from rtml_tf.networks.batch_norm_modes import freeze_batch_norm_statistics
from rtml_tf.networks.branches import with_branches
from rtml_tf.networks.discriminator import map_discriminator
from rtml_tf.runs.checkpoint import RunCheckpoint, RunState
from tests import two_cpus
from tests.aligned_corners import resize_aligned

_SGD = tf.keras.optimizers.SGD
_PolynomialDecay = tf.keras.optimizers.schedules.PolynomialDecay


def setUpModule():
    two_cpus.start()


def _generator():
    """A feature map of half the size with batch norm, and two linear heads."""
    tf.keras.utils.set_random_seed(0)
    image = tf.keras.Input((None, None, 1), name="image")
    x = tf.keras.layers.Conv2D(3, 2, strides=2, name="stem")(image)
    x = tf.keras.layers.BatchNormalization(name="norm")(x)
    x = tf.keras.layers.Activation("tanh", name="features")(x)
    heads = {
        head: tf.keras.layers.Conv2D(3, 1, kernel_initializer="random_normal", name=f"{head}_x")
        for head in ("p1", "p2")
    }
    network = tf.keras.Model(image, {head: layer(x) for head, layer in heads.items()})
    network.set_weights([tf.random.normal(w.shape) ** 2 for w in network.weights])
    return network


def _discriminator(seed=1, size=None):
    tf.keras.utils.set_random_seed(seed)
    network = map_discriminator(input_shape=(size, size, 3), filters=(4,))
    network.set_weights([4.0 * w for w in network.get_weights()])
    return network


def _batch(target_shape=(3, 4, 12)):
    rng = np.random.default_rng(0)
    mask = rng.integers(0, 3, size=(2, 8, 8)).astype(np.int32)
    mask[0, :2] = 255
    images = [rng.uniform(size=(*s, 1)).astype(np.float32) for s in ((2, 8, 8), target_shape)]
    return tf.nest.map_structure(
        tf.constant,
        {"source": {"image": images[0], "mask": mask}, "target": {"image": images[1]}},
    )


def _spec(batch):
    return tf.nest.map_structure(lambda x: tf.TensorSpec([None, *x.shape[1:]], x.dtype), batch)


def _model(kind=CategoryAdversarialModel, rate=1.0, discriminator_rate=1.0, **arguments):
    arguments = {
        "generator": _generator(),
        "discriminator": _discriminator(),
        "discriminator_optimizer": _SGD(discriminator_rate),
        "category_weights": CategoryWeights(lambda_local=3.0),
        "adversarial_weight": 0.7,
        "discrepancy_weight": 0.2,
        **arguments,
    }
    model = kind(**arguments)
    model.compile(optimizer=_SGD(rate))
    model.prepare(num_classes=3)
    return model


def _bce(logits, label):
    return -tf.math.log_sigmoid(logits if label else -logits)


def _reference(
    adversarial,
    sees=tf.nn.softmax,
    levels=((1, ("p1", "p2"), 1.0),),
    head_weights=1.0,
    resize=tf.image.resize,
):
    """The gradients of G and of D by the formulas, with fixed pixel weights, on fresh networks.

    Args:
        adversarial: What G lowers, of D's logits on the target, before weights and mean.
        sees: What D sees, of logits.
        levels: Seed of the discriminator, its heads and its factor, of each level.
        head_weights: Of the segmentation loss.
        resize: Resizes maps to a size.
    """
    generator, batch = _generator(), _batch()
    discriminators = [_discriminator(seed) for seed, *_ in levels]
    mask = batch["source"]["mask"].numpy()
    known = (mask != 255).astype(np.float32)
    resized = {}

    def judged(discriminator, maps):
        return resize(discriminator(maps), maps.shape[1:3])[..., 0]

    with tf.GradientTape(persistent=True) as tape:
        for domain in ("source", "target"):
            images = batch[domain]["image"]
            outputs = generator(images, training=True)
            resized[domain] = {k: resize(x, images.shape[1:3]) for k, x in outputs.items()}
        p1, p2 = (tf.nn.softmax(resized["target"][head]) for head in ("p1", "p2"))
        cosines = tf.reduce_sum(p1 * p2, -1) / (tf.norm(p1, axis=-1) * tf.norm(p2, axis=-1))
        weights = tf.stop_gradient(3.0 * (1.0 - cosines) + 0.4)
        w1, w2 = (
            tf.concat([tf.reshape(w, [-1]) for w in generator.get_layer(name).weights], 0)
            for name in ("p1_x", "p2_x")
        )
        loss = 0.2 * (tf.reduce_sum(w1 * w2) / (tf.norm(w1) * tf.norm(w2)) + 1.0)
        labels = np.where(mask == 255, 0, mask)
        for head, weight in zip(("p1", "p2"), np.broadcast_to(head_weights, 2)):
            losses = tf.keras.losses.sparse_categorical_crossentropy(
                labels, resized["source"][head], from_logits=True
            )
            loss += weight * tf.reduce_sum(known * losses) / known.sum()
        discriminator_loss = 0.0
        for discriminator, (_, heads, factor) in zip(discriminators, levels):
            source, target = (
                sees(tf.add_n([resized[domain][head] for head in heads]))
                for domain in ("source", "target")
            )
            loss += (
                0.7 * factor * tf.reduce_mean(weights * adversarial(judged(discriminator, target)))
            )
            discriminator_loss += tf.reduce_mean(_bce(judged(discriminator, source), 0))
            discriminator_loss += tf.reduce_mean(weights * _bce(judged(discriminator, target), 1))
    of_generator = tape.gradient(loss, generator.trainable_variables)
    variables = [v for x in discriminators for v in x.trainable_variables]
    of_discriminators = tape.gradient(discriminator_loss, variables)
    return (
        [v - g for v, g in zip(generator.trainable_variables, of_generator)],
        [v - g for v, g in zip(variables, of_discriminators)],
    )


class FormsTest(tf.test.TestCase, parameterized.TestCase):
    def _assert_step(self, model, expected):
        """All gradients are of the weights before the step: G's step does not change D's."""
        model.train_step(_batch())
        variables = [v for x in model.levels for v in x.discriminator.trainable_variables]
        self.assertAllClose(model.network.trainable_variables, expected[0], atol=1e-5)
        self.assertAllClose(variables, expected[1], atol=1e-5)

    @parameterized.parameters((False, tf.image.resize), (True, resize_aligned))
    def test_reversal_lets_the_generator_raise_the_loss_of_the_discriminator(self, aligned, resize):
        model = _model(aligned_corners=aligned)
        self._assert_step(model, _reference(lambda logits: -_bce(logits, 1), resize=resize))

    @parameterized.parameters((False, tf.image.resize), (True, resize_aligned))
    def test_alternating_lets_the_generator_lower_the_loss_of_the_other_label(
        self, aligned, resize
    ):
        model = _model(AlternatingAdversarialModel, aligned_corners=aligned)
        self._assert_step(model, _reference(lambda logits: _bce(logits, 0), resize=resize))

    def test_discriminator_may_see_self_information(self):
        expected = _reference(lambda logits: -_bce(logits, 1), sees=self_information_maps)
        self._assert_step(_model(sees=self_information_maps), expected)

    @parameterized.parameters(CategoryAdversarialModel, AlternatingAdversarialModel)
    def test_two_levels(self, kind):
        """As in AdaptSegNet, the first head with a discriminator and weights of its own."""
        flipped = kind is AlternatingAdversarialModel
        expected = _reference(
            lambda logits: _bce(logits, 0) if flipped else -_bce(logits, 1),
            levels=((1, ("p2",), 1.0), (2, ("p1",), 0.25)),
            head_weights=(0.1, 1.0),
        )
        model = _model(
            kind,
            auxiliary_discriminator=_discriminator(2),
            auxiliary_weight=0.25,
            head_weights=(0.1, 1.0),
        )
        self._assert_step(model, expected)

    @parameterized.parameters(
        None,
        CategoryWeights(lambda_local=3.0),
        CategoryWeights(lambda_local=3.0, scaled=True, epsilon=0.1),
        CategoryWeights(lambda_local=3.0, detached=False),
    )
    def test_both_forms_are_one_where_the_generator_has_the_target_label(self, category_weights):
        models = [
            _model(category_weights=category_weights),
            _model(
                AlternatingAdversarialModel,
                category_weights=category_weights,
                flipped_labels=False,
            ),
        ]
        logs = [model.train_step(_batch()) for model in models]
        for part in ("network", "discriminator"):
            reversal, alternating = (getattr(model, part).get_weights() for model in models)
            self.assertAllClose(reversal, alternating, atol=1e-6)
            self.assertNotAllClose(reversal[0], getattr(_model(), part).get_weights()[0], atol=1e-4)
        for name in set(logs[0]) - {"loss"}:
            self.assertAllClose(logs[0][name], logs[1][name], msg=name)

    @parameterized.parameters(CategoryAdversarialModel, AlternatingAdversarialModel)
    def test_generator_lowers_the_map_only_where_it_is_not_detached(self, kind):
        """The discriminator is sure and saturated, so that only the weights have a gradient."""
        moved = []
        for detached in (True, False):
            weights = CategoryWeights(lambda_local=3.0, detached=detached)
            model = _model(kind, category_weights=weights, discriminator_rate=0.0, rate=0.01)
            *kernels, bias = model.discriminator.get_weights()
            # Wrong on the target for the reversal form, right for flipped labels: a loss of 50.
            bias[:] = 50.0 if kind is AlternatingAdversarialModel else -50.0
            kernels = [0.0 * kernel for kernel in kernels]
            model.discriminator.set_weights([*kernels, bias])
            model.train_step(_batch())
            model.reset_metrics()
            moved.append(float(model.train_step(_batch())["local_alignment"]))
        self.assertLess(moved[1], 0.9 * moved[0])


class CategoryAdversarialModelTest(tf.test.TestCase, parameterized.TestCase):
    def test_without_adversary_it_is_supervised_training(self):
        model = _model(adversarial_weight=0.0)
        expected, _ = _reference(lambda logits: 0.0 * logits)
        model.train_step(_batch())
        self.assertAllClose(model.network.trainable_variables, expected, atol=1e-5)

    def test_weights_are_damped_and_the_map_waits_for_the_warm_up(self):
        """lambda_adv (1 - i/I) with I = 4; in the first step all pixel weights are 1."""
        model = _model(
            adversarial_weight=_PolynomialDecay(0.8, 4, 0.0),
            category_weights=CategoryWeights(epsilon=0.0, lambda_local=0.0, warm_up_steps=1),
            discriminator_rate=0.0,
        )
        logs = []
        for _ in range(3):
            model.reset_metrics()
            logs.append(model.train_step(_batch()))
        self.assertAllClose([x["adversarial_weight"] for x in logs], [0.8, 0.6, 0.4])
        unweighted = _model(category_weights=None).train_step(_batch())
        self.assertAllClose(logs[0]["discriminator_loss"], unweighted["discriminator_loss"])
        self.assertLess(logs[1]["discriminator_loss"], logs[0]["discriminator_loss"])

    @parameterized.parameters(CategoryAdversarialModel, AlternatingAdversarialModel)
    def test_trains_in_a_graph_on_domains_of_different_sizes(self, kind):
        model = _model(kind, rate=0.05, discriminator_rate=0.05)
        dataset = tf.data.Dataset.from_tensors(_batch()).repeat()
        history = model.fit(dataset, steps_per_epoch=5, epochs=3, verbose=0).history
        self.assertLess(history["segmentation_loss"][2], history["segmentation_loss"][0])
        self.assertTrue(np.all(np.isfinite(list(history.values()))))

    @parameterized.parameters(False, True)
    def test_one_forward_is_two_where_batch_norms_allow_it(self, branches):
        generator = _generator()
        if branches:
            generator = with_branches(network=generator, branches=("clean", "source"))
        else:
            generator = freeze_batch_norm_statistics(network=generator)
        weights = generator.get_weights()
        trained = []
        for one_forward in (False, True):
            generator.set_weights(weights)
            model = _model(generator=generator, one_forward=one_forward)
            model.train_step(_batch(target_shape=(3, 8, 8)))
            trained.append(generator.get_weights())
        self.assertAllClose(trained[0], trained[1], atol=1e-5)
        self.assertNotAllClose(trained[0][0], weights[0])

    def test_domain_specific_batch_norm_keeps_the_statistics_of_the_domains_apart(self):
        """The running mean moves by a hundredth of the difference to the mean of the images."""
        batch = _batch()
        batch["target"]["image"] += 5.0
        model = _model(
            generator=with_branches(network=_generator(), branches=("clean", "source")),
            rate=0.0,
        )
        norm, stem = (model.network.get_layer(name) for name in ("norm", "stem"))
        start = norm.batch_norm("clean").moving_mean.numpy()
        model.train_step(batch)
        for branch, domain in (("clean", "target"), ("source", "source")):
            mean = tf.reduce_mean(stem(batch[domain]["image"]), axis=(0, 1, 2))
            expected = start + 0.01 * (mean - start)
            self.assertAllClose(norm.batch_norm(branch).moving_mean, expected, rtol=1e-4)
        finished = model.finished_network.get_layer("norm")
        self.assertIs(type(finished), tf.keras.layers.BatchNormalization)
        self.assertAllClose(finished.moving_mean, norm.batch_norm("clean").moving_mean)

    def test_resumes_with_both_networks_all_optimizers_and_the_schedule(self):
        folder = pathlib.Path(self.create_tempdir())

        def run(start, stop):
            model = _model(
                discriminator_optimizer=tf.keras.optimizers.Adam(0.01),
                head_optimizer=_SGD(0.1, momentum=0.9),
                adversarial_weight=_PolynomialDecay(0.8, 4, 0.0),
            )
            state = RunState()
            checkpoint = RunCheckpoint(model=model, state=state, folder=folder)
            self.assertEqual(checkpoint.restore(), start > 0)
            self.assertEqual(int(model.step), start)
            for _ in range(start, stop):
                model.train_step(_batch())
                state.step.assign_add(1)
            checkpoint.save()
            return model.network.get_weights() + model.discriminator.get_weights()

        run(0, 2)
        resumed = run(2, 4)
        folder = pathlib.Path(self.create_tempdir())
        self.assertAllClose(resumed, run(0, 4), atol=1e-6)

    def test_two_replicas_with_one_batch_each_take_the_step_of_one(self):
        batch = _batch()
        trained = []
        for strategy in (tf.distribute.get_strategy(), two_cpus.mirrored_strategy()):
            with strategy.scope():
                model = _model(AlternatingAdversarialModel)
            dataset = tf.data.Dataset.from_tensors(batch).repeat()
            distributed = strategy.distribute_datasets_from_function(lambda _, d=dataset: d)
            model.fit(distributed, steps_per_epoch=1, verbose=0)
            trained.append(model.network.get_weights() + model.discriminator.get_weights())
        self.assertAllClose(trained[0], trained[1], atol=1e-5)

    @parameterized.parameters(CategoryAdversarialModel, AlternatingAdversarialModel)
    def test_configuration_round_trip(self, kind):
        model = _model(
            kind, sees=self_information_maps, adversarial_weight=_PolynomialDecay(0.8, 4, 0.0)
        )
        again = kind.from_config(model.get_config())
        again.compile(optimizer=_SGD(1.0))
        again.prepare(num_classes=3)
        for part in ("network", "discriminator"):
            getattr(again, part).set_weights(getattr(model, part).get_weights())
        logs = [m.train_step(_batch()) for m in (model, again)]
        self.assertAllClose(logs[0], logs[1])

    def test_refuses_data_that_does_not_fit(self):
        model = _model()
        model.check_data(_spec(_batch()))
        spec = _spec(_batch())
        with self.assertRaisesRegex(ValueError, r'needs batches with {"target": {"image": ...}}'):
            model.check_data({"source": spec["source"]})
        small = _spec(_batch(target_shape=(1, 2, 12)))
        with self.assertRaisesRegex(ValueError, r"size of the target images, \(2, 12\); give it"):
            model.check_data(small)
        fixed = _model(discriminator=_discriminator(size=8))
        with self.assertRaisesRegex(ValueError, r"size of the target images, \(4, 12\)"):
            fixed.check_data(spec)
        frozen = freeze_batch_norm_statistics(network=_generator())
        with self.assertRaisesRegex(ValueError, r"one size, got \(8, 8, 1\) and \(4, 12, 1\)"):
            _model(generator=frozen, one_forward=True).check_data(spec)

    @parameterized.parameters(
        ({"category_weights": 40.0}, "category_weights must be CategoryWeights or None, got 40.0"),
        ({"adversarial_weight": -1.0}, "adversarial_weight must be a number of at least 0"),
        ({"auxiliary_weight": -1.0}, "auxiliary_weight must be a number of at least 0"),
        ({"one_forward": True}, "mix the batch statistics of source and target in 'norm'"),
        ({"discriminator": "paper"}, "must be a functional Keras model, got 'paper'"),
        (
            lambda: {"discriminator": map_discriminator(input_shape=(None, None, 2))},
            r"maps \[B, H, W, 3\] into logits \[B, h, w, 1\], got \(None, None, None, 2\)",
        ),
    )
    def test_refuses(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            _model(**(arguments() if callable(arguments) else arguments))


class EntropyMinimizationModelTest(tf.test.TestCase):
    def test_one_step_is_gradient_descent_on_the_formula(self):
        """The step of supervised training, and 0.7 times that on the entropy of the target."""
        model = EntropyMinimizationModel(
            network=_generator(), entropy_weight=0.7, discrepancy_weight=0.2
        )
        model.compile(optimizer=_SGD(1.0))
        model.prepare(num_classes=3)
        logs = model.train_step(_batch())
        supervised, _ = _reference(lambda logits: 0.0 * logits)
        generator, images = _generator(), _batch()["target"]["image"]
        with tf.GradientTape() as tape:
            outputs = generator(images, training=True)
            logits = tf.image.resize(outputs["p1"] + outputs["p2"], images.shape[1:3])
            p = tf.nn.softmax(logits)
            entropy = tf.reduce_mean(tf.reduce_sum(-p * tf.math.log(p), axis=-1)) / np.log(3)
        gradients = tape.gradient(entropy, generator.trainable_variables)
        expected = [v - 0.7 * g for v, g in zip(supervised, gradients)]
        self.assertAllClose(model.network.trainable_variables, expected, atol=1e-5)
        self.assertAllClose(logs["entropy_loss"], entropy)

    def test_weight_of_zero_is_adapted_batch_norm(self):
        """The weights of training on the source alone, and the statistics of the target."""
        branched = with_branches(
            network=_generator(), branches=("clean", "source"), shared_affine=True
        )
        model = EntropyMinimizationModel(
            network=branched, entropy_weight=0.0, discrepancy_weight=0.2
        )
        model.compile(optimizer=_SGD(1.0))
        model.prepare(num_classes=3)
        start = branched.get_layer("norm").batch_norm("clean").moving_mean.numpy()
        target = tf.reduce_mean(
            branched.get_layer("stem")(_batch()["target"]["image"]), axis=(0, 1, 2)
        )
        model.train_step(_batch())
        supervised, _ = _reference(lambda logits: 0.0 * logits)
        finished = model.finished_network
        self.assertAllClose(finished.trainable_variables, supervised, atol=1e-5)
        self.assertAllClose(
            finished.get_layer("norm").moving_mean, start + 0.01 * (target - start), rtol=1e-4
        )

    def test_configuration_round_trip(self):
        model = EntropyMinimizationModel(network=_generator(), entropy_weight=0.3)
        self.assertEqual(
            EntropyMinimizationModel.from_config(model.get_config()).entropy_weight, 0.3
        )


if __name__ == "__main__":
    tf.test.main()
