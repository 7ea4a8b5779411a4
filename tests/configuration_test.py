"""Tests of reading gin files."""

import gin
import tensorflow as tf
from absl.testing import absltest, parameterized

from rtml_tf import configuration
from rtml_tf.runs import runtime

_EXPERIMENT = """
from __gin__ import dynamic_registration
import tensorflow as tf
from rtml_tf.runs import runtime

SEED = 3
runtime.configure.seed = %SEED
tf.keras.optimizers.Adam.learning_rate = 0.5
"""


class ConfigurationTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.addCleanup(gin.clear_config)
        self.file = self.create_tempfile("experiment.gin", _EXPERIMENT).full_path

    @parameterized.parameters(
        ("runtime.configure.sed = 1", "(?s)parameter named 'sed'.*\nDid you mean 'seed'"),
        ("runtime.confgure.seed = 1", "Did you mean 'configure'"),
        ("tf.keras.optimizers.Adam.lerning_rate = 1", "Did you mean 'learning_rate'"),
        ("SED = 1", "the macro SED is set but nothing uses it.\nDid you mean 'SEED'"),
        ("runtime.configure.seed = %SEDE", "the macro SEDE is used but not set"),
    )
    def test_says_what_was_meant(self, parameter, message):
        with self.assertRaisesRegex(configuration.ConfigurationError, message):
            configuration.parse([self.file], [parameter])

    def test_says_what_was_meant_in_a_file(self):
        wrong = self.create_tempfile("wrong.gin", _EXPERIMENT + "runtime.confgure.seed = 1\n")
        with self.assertRaisesRegex(configuration.ConfigurationError, "Did you mean 'configure'"):
            configuration.parse([wrong.full_path], [])

    def test_names_the_nearest_gin_file(self):
        with self.assertRaisesRegex(
            configuration.ConfigurationError, "'gin_configs/quickstrat.gin' does not exist"
        ):
            configuration.parse(["gin_configs/quickstrat.gin"], [])

    def test_a_required_macro_must_be_set(self):
        configuration.parse([self.file], ["SEED = %gin.REQUIRED"])
        with self.assertRaisesRegex(configuration.ConfigurationError, "SEED must be set"):
            configuration.lock()

    def test_parameters_win_over_files_and_may_name_what_no_file_bound(self):
        configuration.parse([self.file], ["SEED = 5", "tf.keras.optimizers.SGD.momentum = 0.5"])
        configuration.lock()
        adam = configuration.configured(tf.keras.optimizers.Adam)()
        sgd = configuration.configured(tf.keras.optimizers.SGD)()
        self.assertAlmostEqual(float(adam.learning_rate), 0.5)
        self.assertEqual(sgd.momentum, 0.5)
        self.assertEqual(gin.query_parameter("SEED/gin.macro.value"), 5)

    def test_a_percent_sign_in_a_text_names_no_macro(self):
        for text in ("/data/100%real", "it's 100%real", 'a "quoted" 7%x', "\\%x", "%x" * 80):
            configuration.parse([self.file], [f"tf.keras.optimizers.SGD.name = {text!r}"])
            self.assertEqual(gin.query_parameter("tf.keras.optimizers.SGD.name"), text)
        for value in ("%SEDE", "('a', %SEDE, 'b')"):
            with self.assertRaisesRegex(configuration.ConfigurationError, "SEDE is used but not"):
                configuration.parse([self.file], [f"tf.keras.optimizers.SGD.name = {value}"])

    def test_many_parameters_cost_no_more_than_each(self):
        """Were the imports of the files to double with each, this would never end."""
        configuration.parse(["gin_configs/quickstart.gin"], [f"SEED = {i}" for i in range(40)])
        self.assertEqual(gin.query_parameter("%SEED"), 39)

    def test_what_no_file_names_has_its_own_defaults(self):
        configuration.parse([self.file], [])
        configuration.lock()
        self.assertEqual(configuration.configured(lambda *, epochs=3: epochs)(), 3)

    def test_the_resolved_configuration_gives_the_same_values_again(self):
        configuration.parse([self.file], ["tf.keras.optimizers.Adam.beta_1 = 0.25"])
        configuration.configured(tf.keras.optimizers.Adam)()
        resolved = self.create_tempfile("resolved.gin", configuration.resolved()).full_path
        configuration.parse([resolved], [])
        adam = configuration.configured(tf.keras.optimizers.Adam)()
        self.assertAlmostEqual(float(adam.learning_rate), 0.5)
        self.assertEqual(adam.beta_1, 0.25)

    def test_the_resolved_configuration_leaves_out_what_has_no_values(self):
        """Gin would list it in a process that has parsed its name before, and not in another."""
        configuration.parse([self.file], ["runtime.distributed.strategy = None"])
        configuration.parse([self.file], [])
        configuration.configured(tf.keras.optimizers.Adam)()
        configuration.configured(runtime.distributed)()
        self.assertIn("tf.keras.optimizers.Adam.learning_rate = 0.5", configuration.resolved())
        self.assertNotIn("distributed", configuration.resolved())

    def test_a_parameter_takes_over_a_value(self):
        configuration.parse([self.file], [])
        configuration.bind(
            "runtime.configure.deterministic",
            same_as="runtime.configure.seed",
            statement="from rtml_tf.runs import runtime",
        )
        self.assertEqual(str(gin.query_parameter("runtime.configure.deterministic")), "%SEED")
        self.assertEqual(configuration.value_of("runtime.configure.deterministic"), 3)
        self.assertIsNone(configuration.value_of("runtime.configure.threads"))

    @parameterized.parameters("quickstart", "rmt/pipeline", "rmt/classical_pca_lda", "clan/scenes")
    def test_the_whole_configuration_gives_itself_again(self, experiment):
        configuration.parse([f"gin_configs/{experiment}.gin"], ["SEED = 5"])
        whole = configuration.whole()
        self.assertIn("pipeline.run.stages", whole)
        file = self.create_tempfile("whole.gin", whole).full_path
        configuration.parse([file], [])
        self.assertEqual(configuration.whole(), whole)

    def test_on_top_of_a_run_its_exports_are_forgotten_and_its_macros_known(self):
        exports = "from rtml_tf.deployment import parity\nLIMIT = 0.5\n"
        exports += "parity.ParityLimits.worst_cosine = %LIMIT\n"
        run = self.create_tempfile("run.gin", _EXPERIMENT + exports).full_path
        configuration.parse([], ["runtime.configure.threads = 2"], run_files=[run])
        self.assertEqual(gin.query_parameter("runtime.configure.threads"), 2)
        self.assertFalse(configuration.is_bound("parity.ParityLimits.worst_cosine"))
        with self.assertRaisesRegex(configuration.ConfigurationError, "macro LIMT is set but"):
            configuration.parse([], ["LIMT = 0.5"], run_files=[run])


if __name__ == "__main__":
    absltest.main()
