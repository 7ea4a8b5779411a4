"""Tests of embedding imitation."""

import zipfile

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.layers.l2_normalization import L2Normalization
from rtml_tf.losses.absolute_imitation import AbsoluteImitation
from rtml_tf.losses.center import CenterLoss
from rtml_tf.losses.combined import CombinedLoss
from rtml_tf.losses.contrastive import ContrastiveLoss
from rtml_tf.losses.margin_softmax import ArcFaceLoss
from rtml_tf.losses.multi_similarity import MultiSimilarityLoss
from rtml_tf.losses.relative_imitation import RelativeImitation
from rtml_tf.models.distillation import DistillationModel
from rtml_tf.networks.saving import load_network, save_network
from tests import two_cpus

_IMAGE, _DESCRIPTOR = (8, 8, 1), (5,)


def setUpModule():
    two_cpus.start()


def _teacher(embedding_size=4):
    image = tf.keras.Input(_IMAGE, name="image")
    features = tf.keras.layers.Conv2D(3, 3, strides=4, name="conv")(image)
    features = tf.keras.layers.BatchNormalization(name="conv_bn")(features)
    features = tf.keras.layers.Flatten(name="features")(features)
    features = tf.keras.layers.Dense(embedding_size, dtype="float32", name="embedding")(features)
    return tf.keras.Model(image, L2Normalization(name="length")(features), name="teacher")


def _student(embedding_size=4):
    descriptor = tf.keras.Input(_DESCRIPTOR, name="descriptor")
    features = tf.keras.layers.Dense(embedding_size, dtype="float32", name="dense")(descriptor)
    return tf.keras.Model(descriptor, L2Normalization(name="length")(features), name="student")


def _view():
    """Takes the first five pixels of an image."""
    image = tf.keras.Input(_IMAGE, name="image")
    pixels = tf.keras.layers.Flatten(name="flatten")(image)
    pixels = tf.keras.layers.Reshape((64, 1), name="column")(pixels)
    pixels = tf.keras.layers.Cropping1D((0, 59), name="crop")(pixels)
    return tf.keras.Model(image, tf.keras.layers.Flatten(name="view")(pixels), name="view_network")


def _batch(labels=(0, 0, 1, 1, -1, -1)):
    rng = np.random.default_rng(0)
    return {
        "source": tf.constant(rng.uniform(size=(len(labels), *_IMAGE)), tf.float32),
        "target": tf.constant(rng.normal(size=(len(labels), *_DESCRIPTOR)), tf.float32),
        "label": tf.constant(labels, tf.int32),
    }


def _spec(source=_IMAGE, target=_DESCRIPTOR):
    return {
        "source": tf.TensorSpec([6, *source]),
        "target": tf.TensorSpec([6, *target]),
        "label": tf.TensorSpec([6], tf.int32),
    }


def _model(learning_rate=0.5, num_classes=2, **arguments):
    arguments = {"imitation": AbsoluteImitation(), **arguments}
    if "teacher" not in arguments:
        arguments["teacher"] = _teacher()
    model = DistillationModel(student=arguments.pop("student", _student()), **arguments)
    model.compile(optimizer=tf.keras.optimizers.SGD(learning_rate))
    model.prepare(num_classes=num_classes)
    return model


class DistillationModelTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        tf.keras.utils.set_random_seed(0)

    def test_the_step_descends_imitation_and_the_metric_of_the_labelled(self):
        """The loss of the paper, written out; the labelled examples are the first four."""
        batch, metric_loss = _batch(), ContrastiveLoss()
        model = _model(metric_loss=metric_loss, metric_weight=0.25)
        student, variables = model.student, model.student.trainable_variables
        with tf.GradientTape() as tape:
            taught = model.teacher(batch["source"], training=False)
            embeddings = student(batch["target"])
            imitation = tf.reduce_mean(tf.reduce_sum((embeddings - taught) ** 2, axis=1))
            metric = metric_loss(embeddings[:4], batch["label"][:4])
            loss = imitation + 0.25 * metric
        expected = [v - 0.5 * g for v, g in zip(variables, tape.gradient(loss, variables))]

        logs = model.train_step(batch)

        self.assertAllClose(variables, expected, atol=1e-6)
        self.assertAllClose(logs["loss"], loss)
        self.assertAllClose(logs["imitation_loss"], imitation)
        self.assertAllClose(logs["metric_loss"], metric)
        similarities = [e @ tf.transpose(e) for e in (embeddings, taught)]
        off_diagonal = ~np.eye(6, dtype=bool)
        difference = np.abs(similarities[0] - similarities[1])[off_diagonal].mean()
        self.assertAllClose(logs["similarity_error"], difference, atol=1e-5)

    def test_the_teacher_changes_in_nothing(self):
        model = _model()
        before = model.teacher.get_weights()
        self.assertNotEmpty(model.teacher.non_trainable_weights)  # Running statistics.
        model.train_step(_batch())
        for after, weight in zip(model.teacher.get_weights(), before):
            self.assertAllEqual(after, weight)

    def test_the_student_is_in_training_mode_only_when_it_is_trained(self):
        descriptor = tf.keras.Input(_DESCRIPTOR)
        norm = tf.keras.layers.BatchNormalization()
        features = tf.keras.layers.Dense(4, dtype="float32")(norm(descriptor))
        model = _model(student=tf.keras.Model(descriptor, features))
        model.test_step(_batch())
        self.assertAllEqual(norm.moving_mean, tf.zeros(5))
        model.train_step(_batch())
        self.assertNotAllClose(norm.moving_mean, tf.zeros(5))

    def test_the_teacher_is_in_no_checkpoint_and_no_file(self):
        model, folder = _model(), self.create_tempdir()
        model.train_step(_batch())
        names = {layer.name for layer in model.teacher.layers if layer.weights}
        saved = tf.train.Checkpoint(model=model).save(folder.full_path + "/checkpoint")
        shapes = tf.train.load_checkpoint(saved).get_variable_to_shape_map()
        weights = {
            name: shape
            for name, shape in shapes.items()
            if shape and "/optimizer/" not in name and "/skipped_steps/" not in name
        }
        self.assertEqual(sorted(map(tuple, weights.values())), [(4,), (5, 4)])
        own = {id(variable) for variable in model.skipped_steps.variables}
        weights = [x for x in model.weights if x.shape.rank and id(x) not in own]
        self.assertLen(weights, 2)

        save_network(model.finished_network, folder.full_path + "/network.keras")
        with zipfile.ZipFile(folder.full_path + "/network.keras") as archive:
            config = archive.read("config.json").decode()
        self.assertIn('"dense"', config)
        for name in names:
            self.assertNotIn(f'"{name}"', config)

    def test_without_a_teacher_the_source_is_its_embedding(self):
        batch = _batch()
        with_teacher = _model()
        student = _student()
        student.set_weights(with_teacher.student.get_weights())
        without = _model(teacher=None, student=student)
        without.check_data(_spec(source=(4,)))
        embeddings = with_teacher.teacher(batch["source"], training=False)
        logs = without.train_step({**batch, "source": embeddings})
        self.assertAllClose(logs["loss"], with_teacher.train_step(batch)["loss"], atol=1e-5)
        self.assertAllClose(
            student.trainable_variables, with_teacher.student.trainable_variables, atol=1e-5
        )

    def test_imitation_alone_needs_no_labels_and_learns(self):
        model = _model(learning_rate=1.0)
        dataset = tf.data.Dataset.from_tensors(_batch(labels=[-1] * 6)).repeat()
        history = model.fit(dataset, steps_per_epoch=10, epochs=3, verbose=0).history
        self.assertNotIn("metric_loss", history)
        self.assertLess(history["loss"][2], 0.5 * history["loss"][0])
        self.assertLess(history["similarity_error"][2], history["similarity_error"][0])

    @parameterized.parameters(
        ContrastiveLoss,
        MultiSimilarityLoss,
        lambda: CombinedLoss(losses=[ArcFaceLoss(), CenterLoss()]),
    )
    def test_batches_without_a_label_imitate_only(self, make_loss):
        model = _model(learning_rate=0.0, metric_loss=make_loss())
        step = tf.function(model.train_step).get_concrete_function(_batch())
        state = [v.numpy() for v in model.metric_loss.variables]
        logs = step(_batch(labels=[-1] * 6))
        self.assertAllEqual(logs["metric_loss"], 0.0)
        self.assertAllEqual(logs["loss"], logs["imitation_loss"])
        for after, before in zip(model.metric_loss.variables, state):
            self.assertAllEqual(after, before)
        self.assertGreater(step(_batch())["metric_loss"], 0.0)

    def test_a_projection_joins_different_sizes_and_is_dropped(self):
        model = _model(teacher=_teacher(7))
        self.assertEqual(model.projection.output_shape, (None, 7))
        kernel = model.projection.get_weights()[0]
        before = model.train_step(_batch())["loss"]
        self.assertNotAllClose(model.projection.get_weights()[0], kernel)
        self.assertIs(model.finished_network, model.student)
        self.assertEqual(model.finished_network.output_shape, (None, 4))
        for _ in range(20):
            model.train_step(_batch())
        model.reset_metrics()
        self.assertLess(model.test_step(_batch())["loss"], 0.8 * before)

    def test_the_losses_optimizer_leaves_student_and_projection_alone(self):
        model = _model(
            learning_rate=0.0,
            teacher=_teacher(7),
            metric_loss=ArcFaceLoss(),
            loss_optimizer=tf.keras.optimizers.SGD(0.5),
        )
        kept = [v.numpy() for v in (*model.student.variables, *model.projection.variables)]
        class_weights = model.metric_loss.get_weights()[0]
        model.train_step(_batch())
        self.assertNotAllClose(model.metric_loss.get_weights()[0], class_weights)
        for after, before in zip((*model.student.variables, *model.projection.variables), kept):
            self.assertAllEqual(after, before)

    def test_a_projection_may_be_kept(self):
        model = _model(teacher=_teacher(7), keep_projection=True, metric_loss=ArcFaceLoss())
        self.assertIsNone(model.projection)
        self.assertEqual(model.finished_network.output_shape, (None, 7))
        self.assertAllClose(
            tf.norm(model.finished_network(_batch()["target"]), axis=1), tf.ones(6), atol=1e-5
        )
        kernel = model.finished_network.get_layer("projection").get_weights()[0]
        model.train_step(_batch())
        self.assertNotAllClose(
            model.finished_network.get_layer("projection").get_weights()[0], kernel
        )

    def test_no_projection_where_sizes_do_not_matter(self):
        model = _model(teacher=_teacher(7), imitation=RelativeImitation())
        self.assertIsNone(model.projection)
        self.assertGreater(model.train_step(_batch())["loss"], 0.0)

    @parameterized.parameters(False, True)
    def test_the_finished_network_takes_images_through_the_students_view(self, keep_projection):
        folder, batch = self.create_tempdir(), _batch()
        model = _model(teacher=_teacher(7), view=_view(), keep_projection=keep_projection)
        images = batch["source"]
        batch["target"] = _view()(images)
        model.check_data(_spec())
        model.train_step(batch)
        expected = model.student(batch["target"])
        self.assertEqual(model.finished_network.input_shape, (None, *_IMAGE))
        self.assertAllClose(model.finished_network(images), expected)
        save_network(model.finished_network, folder.full_path + "/network.keras")
        loaded = load_network(folder.full_path + "/network.keras")
        self.assertAllClose(loaded(images), expected)

    def test_mixed_precision_and_a_teacher_in_bfloat16_take_steps(self):
        tf.keras.mixed_precision.set_global_policy("mixed_bfloat16")
        self.addCleanup(tf.keras.mixed_precision.set_global_policy, "float32")
        model = _model(metric_loss=ContrastiveLoss(), teacher_dtype="bfloat16")
        dataset = tf.data.Dataset.from_tensors(_batch()).repeat()
        history = model.fit(dataset, steps_per_epoch=2, epochs=2, verbose=0).history
        self.assertLess(history["loss"][1], history["loss"][0])

    def test_two_replicas_with_one_batch_each_take_the_step_of_one(self):
        """The mean of two equal gradients is the gradient."""

        def trained(strategy):
            tf.keras.utils.set_random_seed(0)
            with strategy.scope():
                model = _model(teacher=_teacher(7), metric_loss=ArcFaceLoss())
            two_cpus.fit_on_each_replica(model, strategy, _batch())
            return model.student.get_weights() + model.projection.get_weights()

        one = trained(tf.distribute.get_strategy())
        two = trained(two_cpus.mirrored_strategy())
        self.assertAllClose(two, one, atol=1e-6)

    @parameterized.parameters(False, True)
    def test_configuration_round_trip(self, keep_projection):
        model = _model(
            teacher=_teacher(7),
            view=_view(),
            keep_projection=keep_projection,
            metric_loss=ArcFaceLoss(num_classes=3),
            loss_optimizer=tf.keras.optimizers.SGD(0.25),
            metric_weight=0.5,
            seed=3,
        )
        again = DistillationModel.from_config(model.get_config())
        self.assertEqual(again.finished_network.input_shape, (None, *_IMAGE))
        self.assertEqual(again.finished_network.output_shape, model.finished_network.output_shape)
        self.assertEqual(again.teacher.output_shape, (None, 7))
        self.assertEqual(again.metric_loss.get_config(), model.metric_loss.get_config())
        self.assertEqual((again.metric_weight, again.seed), (0.5, 3))
        self.assertEqual(again.projection is None, keep_projection)
        without = _model(teacher=None, teacher_size=9)
        again = DistillationModel.from_config(without.get_config())
        self.assertEqual(again.projection.output_shape, (None, 9))


class ChecksTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        ({"imitation": "absolute"}, "imitation must be an ImitationLoss, got 'absolute'"),
        ({"metric_loss": "arcface"}, "metric_loss must be a MetricLoss or None, got 'arcface'"),
        ({"metric_weight": 0}, "metric_weight must be a number above 0, got 0"),
        ({"teacher": "resnet"}, "network must be a tf.keras.Model, got 'resnet'"),
        ({"teacher_size": 4}, "teacher_size must be left out where there is a teacher, got 4"),
        ({"teacher_dtype": "float8"}, "compute_dtype must be .* got 'float8'"),
    )
    def test_refuses_arguments(self, change, message):
        with self.assertRaisesRegex(ValueError, message):
            _model(**change)

    @parameterized.parameters(
        ({"source": (9, 9, 1)}, r"source views do not fit. .*\(8, 8, 1\), .* gives \(9, 9, 1\)"),
        ({"target": (3,)}, r"target views do not fit. .*\(5,\), but the data gives \(3,\)"),
    )
    def test_refuses_views_of_another_shape(self, change, message):
        with self.assertRaisesRegex(ValueError, message):
            _model().check_data(_spec(**change))

    def test_refuses_embeddings_of_another_size(self):
        with self.assertRaisesRegex(ValueError, r"shape \(9,\) .teacher_size., .* gives \(4,\)"):
            _model(teacher=None, teacher_size=9).check_data(_spec(source=(4,)))

    def test_a_metric_loss_without_labels_is_named(self):
        with self.assertLogs(level="WARNING") as logs:
            _model(metric_loss=ContrastiveLoss()).prepare(num_classes=1)
        self.assertIn("metric_loss has nothing to learn from", logs.output[0])
        with self.assertNoLogs(level="WARNING"):
            _model().prepare(num_classes=1)
            _model(metric_loss=ContrastiveLoss()).prepare(num_classes=2)

    def test_refuses_batches_that_are_not_pairs(self):
        with self.assertRaisesRegex(ValueError, "source, target and label .* got image, label"):
            _model().check_data({"image": tf.TensorSpec([6, *_IMAGE]), "label": None})


if __name__ == "__main__":
    tf.test.main()
