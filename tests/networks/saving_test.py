"""Tests of saving and loading networks."""

import json
import os
import pathlib
import zipfile
from unittest import mock

import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.layers.generalized_mean_pooling import GeneralizedMeanPooling
from rtml_tf.networks.resnet import cifar_resnet
from rtml_tf.networks.saved_config import check_config
from rtml_tf.networks.saving import check_loadable, load_network, save_network


def _set_random_weights(network):
    """So that running statistics, scales and exponents are not what a new network has."""
    network.set_weights([tf.random.uniform(w.shape, 0.5, 1.5) for w in network.weights])


def _network_of_functions():
    """A network with functions instead of layers, as in MobileNetV3."""
    image = tf.keras.Input((32, 32, 3))
    features = tf.keras.layers.Conv2D(4, 3)(image)
    return tf.keras.Model(image, features * tf.nn.relu6(features + 3.0))


class SavingTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir())
        self.file = self.folder / "network.keras"

    @parameterized.parameters(
        lambda: cifar_resnet(input_shape=(32, 32, 3), width=0.5, pooling=GeneralizedMeanPooling()),
        _network_of_functions,
    )
    def test_loaded_network_is_the_saved_one(self, make):
        network = make()
        _set_random_weights(network)
        save_network(network, self.file)
        loaded = load_network(self.file)
        images = tf.random.uniform([3, 32, 32, 3])
        self.assertAllEqual(loaded(images), network(images))
        self.assertEqual([x.name for x in loaded.layers], [x.name for x in network.layers])
        self.assertEqual(os.listdir(self.folder), ["network.keras"])

    def test_keeps_the_dtype_policy_and_leaves_the_optimizer(self):
        self.addCleanup(
            tf.keras.mixed_precision.set_global_policy, tf.keras.mixed_precision.global_policy()
        )
        tf.keras.mixed_precision.set_global_policy("mixed_bfloat16")
        network = cifar_resnet(input_shape=(8, 8, 1))
        network.compile("adam", "mse")
        save_network(network, str(self.folder / "new" / "network.keras"))
        tf.keras.mixed_precision.set_global_policy("float32")
        loaded = load_network(str(self.folder / "new" / "network.keras"))
        self.assertEqual(loaded.get_layer("stem_conv").compute_dtype, "bfloat16")
        self.assertIsNone(loaded.optimizer)

    @parameterized.parameters("os.fsync", "os.replace")
    def test_failed_write_keeps_the_old_file_and_leaves_no_other(self, step):
        save_network(cifar_resnet(input_shape=(8, 8, 1)), self.file)
        content = self.file.read_bytes()
        with (
            mock.patch(step, side_effect=OSError("disk full")),
            self.assertRaisesRegex(OSError, "disk full"),
        ):
            save_network(cifar_resnet(input_shape=(8, 8, 3)), self.file)
        self.assertEqual(self.file.read_bytes(), content)
        self.assertEqual(os.listdir(self.folder), ["network.keras"])

    def test_name_must_end_in_keras(self):
        with self.assertRaisesRegex(ValueError, "path must end in .keras, got 'network.h5'"):
            save_network(cifar_resnet(input_shape=(8, 8, 1)), "network.h5")

    def test_missing_foreign_truncated_and_damaged_files_are_named(self):
        with self.assertRaisesRegex(FileNotFoundError, "no network file '.*network.keras'"):
            load_network(self.file)
        self.file.write_text("not a network")
        with self.assertRaisesRegex(ValueError, "network.keras' is not a Keras v3 network, or is"):
            load_network(self.file)
        with zipfile.ZipFile(self.file, "w") as archive:
            archive.writestr("config.json", "{}")
        with self.assertRaisesRegex(ValueError, "has no metadata.json, model.weights.h5"):
            load_network(self.file)
        save_network(cifar_resnet(input_shape=(8, 8, 1)), self.file)
        content = bytearray(self.file.read_bytes())
        self.file.write_bytes(content[: len(content) // 2])
        with self.assertRaisesRegex(ValueError, "not a Keras v3 network, or is truncated"):
            load_network(self.file)
        content[len(content) // 2] ^= 255
        self.file.write_bytes(content)
        with self.assertRaisesRegex(ValueError, "network.keras' is damaged in model.weights.h5"):
            load_network(self.file)


class RefusedFileTest(tf.test.TestCase, parameterized.TestCase):
    def test_lambda_is_refused(self):
        image = tf.keras.Input((2,))
        network = tf.keras.Model(image, tf.keras.layers.Lambda(lambda x: x + 1.0)(image))
        file = os.path.join(self.create_tempdir(), "network.keras")
        save_network(network, file)
        with self.assertRaisesRegex(ValueError, "network.keras' cannot be loaded: .* a Lambda"):
            load_network(file)

    def test_what_could_not_be_loaded_is_known_before_it_is_saved(self):
        class Unregistered(tf.keras.layers.Layer):
            def call(self, inputs):
                return inputs

        image = tf.keras.Input((2,))
        for layer, message in (
            (tf.keras.layers.Dense(2), None),
            (tf.keras.layers.Lambda(lambda x: x + 1.0), "contains a Lambda"),
            (lambda x: tf.concat([x, x], axis=1), "calls tf.concat, which a saved network may not"),
            (Unregistered(), "unknown class .*Unregistered"),
        ):
            network = tf.keras.Model(image, layer(image), name="tried")
            with self.subTest(message):
                if message is None:
                    check_loadable(network)
                    continue
                with self.assertRaisesRegex(ValueError, f"'tried' could be saved .* {message}"):
                    check_loadable(network)

    @parameterized.parameters(
        ({"class_name": "Lambda", "module": "keras.layers"}, "contains a Lambda"),
        ({"class_name": "Popen", "module": "subprocess"}, "unknown class subprocess.Popen"),
        ({"class_name": "get_file", "module": "keras.utils"}, "class keras.utils.get_file"),
        (
            {"class_name": "X", "module": "keras.src.layers", "registered_name": "TFSMLayer"},
            "contains a TFSMLayer",
        ),
        (
            {"class_name": "function", "module": "os", "config": "system"},
            "the function os.system, which is not an activation",
        ),
        (
            {"class_name": "function", "module": "os", "config": "relu"},
            "the function os.relu, which is not an activation",
        ),
        (
            {
                "class_name": "TFOpLambda",
                "module": "keras.src.layers",
                "config": {"function": "io.write_file"},
            },
            "calls tf.io.write_file",
        ),
    )
    def test_what_could_run_code_is_refused_before_it_is_built(self, entry, message):
        """The activation of a dense layer is replaced in the file."""
        network = tf.keras.Sequential([tf.keras.layers.Dense(2, input_shape=(3,))])
        file = os.path.join(self.create_tempdir(), "network.keras")
        save_network(network, file)
        with zipfile.ZipFile(file) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        config = json.loads(members["config.json"])
        config["config"]["layers"][-1]["config"]["activation"] = {"config": {}} | entry
        members["config.json"] = json.dumps(config)
        with zipfile.ZipFile(file, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        with (
            mock.patch("importlib.import_module", side_effect=SystemError("imported")),
            self.assertRaisesRegex(ValueError, message),
        ):
            load_network(file)

    def test_layers_of_applications_are_found(self):
        entry = {"class_name": "LayerScale", "module": "keras.src.applications.convnext"}
        (layer,) = check_config([{"config": {}} | entry]).values()
        self.assertTrue(issubclass(layer, tf.keras.layers.Layer))


if __name__ == "__main__":
    tf.test.main()
