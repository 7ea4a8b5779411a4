"""Tests of a whole run on a toy data set: what it writes, resumes and refuses."""

import contextlib
import csv
import io
import os
import pathlib
import signal
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized

from rtml_tf.attacks.projected_gradient_descent import ProjectedGradientDescent
from rtml_tf.data.batches import TrainingBatches
from rtml_tf.data.pk_sampler import PKSampler
from rtml_tf.data.source import ImageSource
from rtml_tf.evaluation.retrieval import RetrievalEvaluation
from rtml_tf.layers.l2_normalization import L2Normalization
from rtml_tf.losses.contrastive import ContrastiveLoss
from rtml_tf.losses.margin_softmax import ArcFaceLoss
from rtml_tf.models.adversarial_branch import targeted_branches
from rtml_tf.models.mdprop import MDPropModel
from rtml_tf.models.metric_model import MetricModel
from rtml_tf.networks.convolution import convolution
from rtml_tf.networks.embedding_head import embedding_head
from rtml_tf.networks.raw_pixels import raw_pixels
from rtml_tf.networks.resnet import cifar_resnet
from rtml_tf.networks.saving import load_network
from rtml_tf.runs.run_folder import RunFolderError
from rtml_tf.runs.training import RunInterrupted, train

_SHAPE = (8, 8, 1)


class _Blobs(ImageSource):
    """Eight classes: a bright spot at a place of the class, in noise."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.labels = np.repeat(np.arange(8), 6).astype(np.int32)
        self.class_names = tuple(f"place {label}" for label in range(8))
        self.keys = tuple(f"{label}/{i}" for i, label in enumerate(self.labels))
        self.image_shape = _SHAPE
        images = rng.uniform(0, 0.6, size=(48, *_SHAPE))
        for image, label in zip(images, self.labels):
            image[
                2 * (label // 4) : 2 * (label // 4) + 2, 2 * (label % 4) : 2 * (label % 4) + 2
            ] = 1
        self._images = tf.constant(images, tf.float32)

    def load(self, index):
        return self._images[index]


class _StopAfter(tf.keras.callbacks.Callback):
    """Sends this process a signal after some steps."""

    def __init__(self, steps):
        super().__init__()
        self._steps = steps

    def on_train_batch_end(self, batch, logs=None):
        self._steps -= 1
        if self._steps == 0:
            os.kill(os.getpid(), signal.SIGTERM)


class _Killed(Exception):
    """Stands for the end of the process."""


class _KillIn(tf.keras.callbacks.Callback):
    """Ends the run within a step, or before the first, without a chance to save anything."""

    def __init__(self, step):
        super().__init__()
        self._step = step

    def on_train_begin(self, logs=None):
        if self._step == 0:
            raise _Killed

    def on_train_batch_end(self, batch, logs=None):
        self._step -= 1
        if self._step == 0:
            raise _Killed


def _network():
    image = tf.keras.Input(_SHAPE, name="image")
    features = convolution(image, filters=8, kernel_size=3, name="stem")
    return tf.keras.Model(image, embedding_head(features=features, embedding_size=4))


def _mdprop(**arguments):
    """A method whose network has statistics of every branch, and whose steps draw numbers."""
    attack = ProjectedGradientDescent(epsilon=0.05, steps=1)
    return MDPropModel(branches=targeted_branches(attack=attack), **arguments)


def _arguments(run_dir, method=MetricModel, **changes):
    """Arguments of a run whose every part has a state: momentum, average, dropout, proxies."""
    tf.keras.backend.clear_session()
    tf.keras.utils.set_random_seed(1)
    tf.config.experimental.enable_op_determinism()
    tf.keras.backend.experimental.enable_tf_random_generator()
    image = tf.keras.Input(_SHAPE, name="image")
    dropped = tf.keras.layers.Dropout(0.2)(image)
    network = _network()
    source = _Blobs()
    evaluation = RetrievalEvaluation(source=source, nmi=False)
    return {
        "run_dir": str(run_dir),
        "model": method(
            network=tf.keras.Model(image, network(dropped)),
            loss=ArcFaceLoss(),
            loss_optimizer=tf.keras.optimizers.SGD(0.1, momentum=0.9),
        ),
        "optimizer": tf.keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.5),
        "train_data": TrainingBatches(
            source=source, sampler=PKSampler(classes_per_batch=4, images_per_class=3)
        ),
        "epochs": 3,
        "validation": evaluation,
        "select_by": "recall@1",
        "evaluations": {"places": evaluation},
        "baselines": {"raw pixels": raw_pixels(input_shape=_SHAPE)},
        "describe_config": lambda: "seed = 1\n",
        **changes,
    }


class TrainingTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)

    def test_a_run_leaves_its_folder(self):
        metrics = train(**_arguments(self.folder / "run"))

        self.assertEqual(set(metrics["networks"]), {"trained", "untrained", "raw pixels"})
        with open(self.folder / "run" / "log.csv", newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([row["epoch"] for row in rows], ["1", "2", "3"])
        best = max(float(row["validation/recall@1"]) for row in rows)
        self.assertAllClose(metrics["training"]["best_value"], best, atol=1e-5)
        trained = metrics["networks"]["trained"]["places"]
        self.assertEqual(trained["recall@1"], metrics["training"]["best_value"])
        network = load_network(self.folder / "run" / "network.keras")
        again = RetrievalEvaluation(source=_Blobs(), nmi=False).evaluate(network)
        self.assertAllClose(trained, again)
        self.assertNotEmpty(list((self.folder / "run" / "tensorboard").glob("events*")))

    def test_a_finished_run_is_only_shown_again(self):
        first = train(**_arguments(self.folder / "run", epochs=1))
        written = (self.folder / "run" / "network.keras").stat().st_mtime_ns
        self.assertEqual(train(**_arguments(self.folder / "run", epochs=1)), first)
        self.assertEqual((self.folder / "run" / "network.keras").stat().st_mtime_ns, written)

    @parameterized.parameters(MetricModel, _mdprop)
    def test_a_run_stopped_within_an_epoch_ends_as_if_it_had_not_stopped(self, method):
        whole = train(**_arguments(self.folder / "whole", method))
        with self.assertRaisesRegex(RunInterrupted, "SIGTERM after step 6; everything is saved"):
            train(**_arguments(self.folder / "parts", method, callbacks=[_StopAfter(6)]))
        resumed = train(**_arguments(self.folder / "parts", method))
        self._assert_ended_alike(resumed, whole)

    def test_a_run_that_lost_its_last_epoch_ends_as_if_it_had_not(self):
        """Twelve steps are three epochs; the checkpoint of the second is sound."""
        whole = train(**_arguments(self.folder / "whole"))
        with self.assertRaisesRegex(RunInterrupted, "after step 12"):
            train(**_arguments(self.folder / "parts", callbacks=[_StopAfter(12)]))
        lost = list((self.folder / "parts" / "checkpoints").glob("ckpt-12.*"))
        self.assertNotEmpty(lost)
        for path in lost:
            path.write_bytes(b"")
        with self.assertLogs(level="WARNING") as logs:
            resumed = train(**_arguments(self.folder / "parts"))
        self.assertIn("ckpt-12", "".join(logs.output))
        self._assert_ended_alike(resumed, whole)

    def _assert_ended_alike(self, resumed, whole):
        """The runs in "parts" and in "whole"."""
        self.assertEqual(resumed["networks"], whole["networks"])
        for mine, others in zip(
            load_network(self.folder / "parts" / "network.keras").get_weights(),
            load_network(self.folder / "whole" / "network.keras").get_weights(),
        ):
            self.assertAllEqual(mine, others)
        logs = []
        for run in ("whole", "parts"):
            with open(self.folder / run / "log.csv", newline="", encoding="utf-8") as file:
                logs.append([(row["epoch"], row["loss"]) for row in csv.DictReader(file)])
        self.assertEqual(*logs)
        states = [self._state(run) for run in ("whole", "parts")]
        self.assertEqual(*[set(state) for state in states])
        for name, value in states[0].items():
            self.assertAllEqual(states[1][name], value, name)

    def _state(self, run):
        """All that a run's last checkpoint holds, but its time and the number of checkpoints."""
        reader = tf.train.load_checkpoint(str(self.folder / run / "checkpoints"))
        names = reader.get_variable_to_shape_map()
        return {
            name: reader.get_tensor(name)
            for name in names
            if "seconds" not in name and "save_counter" not in name
        }

    def test_training_stops_when_validation_no_longer_improves(self):
        def trained():
            arguments = _arguments(
                self.folder / "run",
                optimizer=tf.keras.optimizers.SGD(0.0),
                epochs=30,
                patience=2,
                select_by="query_share",
            )
            return train(**arguments)["training"]

        training = trained()
        steps_per_epoch = 48 // 12
        self.assertEqual(training["steps"], 3 * steps_per_epoch)
        self.assertEqual(training["network_epoch"], 1)
        # Ended by a power cut in its evaluations, it does not train on.
        (self.folder / "run" / "metrics.json").unlink()
        self.assertEqual(trained(), training)

    def test_a_killed_run_resumes_after_its_last_checkpoint(self):
        """Which is of every third step and of every epoch; the run is killed in its fifth step."""
        source, sampler = _Blobs(), PKSampler(classes_per_batch=4, images_per_class=3)

        def killed(steps_per_epoch, in_step):
            image = tf.keras.Input(_SHAPE, name="image")
            embedding = tf.keras.layers.Dense(4)(tf.keras.layers.Flatten()(image))
            output = io.StringIO()
            with contextlib.redirect_stdout(output), self.assertRaises(_Killed):
                train(
                    run_dir=str(self.folder / str(steps_per_epoch)),
                    model=MetricModel(
                        network=tf.keras.Model(image, L2Normalization()(embedding)),
                        loss=ContrastiveLoss(),
                    ),
                    optimizer=tf.keras.optimizers.SGD(0.1),
                    train_data=TrainingBatches(
                        source=source, sampler=sampler, steps_per_epoch=steps_per_epoch
                    ),
                    epochs=3,
                    checkpoint_every_steps=3,
                    callbacks=[_KillIn(in_step)],
                )
            return output.getvalue()

        for steps_per_epoch, resumed_after in ((4, 4), (8, 3)):
            self.assertNotIn("Resuming", killed(steps_per_epoch, in_step=5))
            self.assertIn(f"after step {resumed_after}.\n", killed(steps_per_epoch, in_step=0))

    def test_a_dry_run_writes_nothing(self):
        network = train(**_arguments(self.folder / "run", dry_run=True))
        self.assertIsInstance(network, tf.keras.Model)
        self.assertFalse((self.folder / "run").exists())

    def test_callbacks_that_ask_are_given_the_folder_and_how_far_the_run_is(self):
        callback = tf.keras.callbacks.Callback()
        callback.use_folder, callback.use_state = mock.Mock(), mock.Mock()
        train(**_arguments(self.folder / "run", dry_run=True, callbacks=[callback]))
        self.assertEqual(callback.use_folder.call_args.args[0].path, self.folder / "run")
        self.assertEqual(callback.use_state.call_args.args[0].step, 0)

    def test_mistakes_are_found_before_the_run_starts(self):
        for change, message in (
            ({"select_by": "recal@1"}, "no figure 'recal@1'; did you mean 'recall@1'"),
            ({"select_by": None}, "validation and select_by go together"),
            ({"epochs": 0}, "epochs must be at least 1, got 0"),
            ({"validate_every": 0}, "validate_every must be at least 1 epoch, got 0"),
            ({"patience": 0}, "patience must be at least 1 validation or None, got 0"),
        ):
            with self.subTest(message), self.assertRaisesRegex(ValueError, message):
                train(**_arguments(self.folder / "run", **change))
            self.assertFalse((self.folder / "run").exists())

    def test_a_network_of_another_shape_is_refused(self):
        arguments = _arguments(self.folder / "run")
        arguments["model"] = MetricModel(
            network=cifar_resnet(input_shape=(16, 16, 1)), loss=ArcFaceLoss()
        )
        with self.assertRaisesRegex(
            ValueError, r"takes inputs of shape \(16, 16, 1\), .* gives \(8, 8, 1\)"
        ):
            train(**arguments)

    def test_a_network_that_could_not_be_loaded_again_is_refused(self):
        arguments = _arguments(self.folder / "run")
        image = tf.keras.Input(_SHAPE)
        network = tf.keras.Model(image, _network()(tf.reshape(image, (-1, *_SHAPE))))
        arguments["model"] = MetricModel(network=network, loss=ArcFaceLoss())
        with self.assertRaisesRegex(ValueError, "could be saved but not loaded again: .*reshape"):
            train(**arguments)
        self.assertFalse((self.folder / "run").exists())

    def test_a_validation_of_other_images_is_refused(self):
        arguments = _arguments(self.folder / "run")
        arguments["validation"].image_shape = (9, 9, 1)
        arguments["evaluations"] = {}
        with self.assertRaisesRegex(ValueError, r"validation does not fit: .* gives \(9, 9, 1\)"):
            train(**arguments)
        self.assertFalse((self.folder / "run").exists())

    def test_a_folder_of_another_configuration_is_refused(self):
        train(**_arguments(self.folder / "run", epochs=1))
        with self.assertRaisesRegex(RunFolderError, "another configuration"):
            train(**_arguments(self.folder / "run", describe_config=lambda: "seed = 2\n"))


if __name__ == "__main__":
    absltest.main()
