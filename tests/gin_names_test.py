"""Tests of what gin files may name."""

import gin
from absl.testing import absltest, parameterized

from rtml_tf import configuration

_HEAD = "from __gin__ import dynamic_registration\n"


class GinNamesTest(parameterized.TestCase):
    def parse(self, text, **arguments):
        self.addCleanup(gin.clear_config)
        file = self.create_tempfile("experiment.gin", _HEAD + text).full_path
        configuration.parse([file], [], **arguments)

    @parameterized.parameters(
        ("import tensorflow as tf", "tf.keras.optimizers.Adam.learning_rate = 1.0"),
        ("import tensorflow as tf", "tf.keras.activations.relu.alpha = 0.5"),
        ("import tensorflow_addons as tfa", "tfa.optimizers.LAMB.learning_rate = 1.0"),
        ("from rtml_tf.runs import runtime", "runtime.configure.seed = 1"),
    )
    def test_what_experiments_are_made_of(self, *lines):
        self.parse("\n".join(lines))

    @parameterized.parameters(
        ("import os", "os.system.command = 'x'", "imports os, but"),
        ("from subprocess import run", "", "imports subprocess.run, but"),
        ("import rtml_tf_evil", "", "imports rtml_tf_evil, but"),
        ("from rtml_tf.data import array_cache", "array_cache.os.system.command = 1", "in posix"),
        ("import tensorflow as tf", "tf.io.gfile.rmtree.path = 'x'", "in tensorflow.python.lib"),
        ("import tensorflow as tf", "tf.py_function.func = 1", "in tensorflow.python"),
        ("import tensorflow as tf", "tf.keras.utils.get_file.fname = 1", "in keras.src.utils"),
    )
    def test_what_could_run_anything(self, *lines_and_message):
        *lines, message = lines_and_message
        with self.assertRaisesRegex(configuration.ConfigurationError, message):
            self.parse("\n".join(lines))

    def test_included_files_and_parameters_are_looked_at_too(self):
        inner = self.create_tempfile("inner.gin", _HEAD + "import shutil\n").full_path
        with self.assertRaisesRegex(configuration.ConfigurationError, "inner.gin, line 2, imports"):
            self.parse(f"include '{inner}'\n")
        with self.assertRaisesRegex(configuration.ConfigurationError, "imports shutil"):
            configuration.parse([], [_HEAD + "import shutil"])

    def test_a_package_that_the_user_names_is_trusted(self):
        lines = "from email import policy\npolicy.EmailPolicy.max_line_length = 1\n"
        with self.assertRaisesRegex(configuration.ConfigurationError, "add --gin_package=email"):
            self.parse(lines)
        self.parse(lines, packages=["email"])


if __name__ == "__main__":
    absltest.main()
