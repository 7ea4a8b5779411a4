"""Tests of the settings of the process."""

import tensorflow as tf
from absl.testing import absltest, parameterized

from rtml_tf.runs import runtime


class RuntimeTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.addCleanup(tf.keras.mixed_precision.set_global_policy, "float32")

    def test_a_seed_gives_the_same_weights_again(self):
        kernels = []
        for seed in (3, 3, 4):
            runtime.configure(seed=seed, deterministic=False)
            layer = tf.keras.layers.Dense(2)
            layer.build((None, 3))
            kernels.append(layer.kernel.numpy().tolist())
        self.assertEqual(kernels[0], kernels[1])
        self.assertNotEqual(kernels[0], kernels[2])

    @parameterized.parameters(False, True)
    def test_float32_is_exact_unless_asked_otherwise(self, allowed):
        self.addCleanup(tf.config.experimental.enable_tensor_float_32_execution, True)
        runtime.configure(tensor_float_32=allowed, deterministic=False)
        self.assertEqual(tf.config.experimental.tensor_float_32_execution_enabled(), allowed)

    def test_layers_take_the_precision(self):
        runtime.configure(precision="mixed_bfloat16", deterministic=False)
        self.assertEqual(tf.keras.layers.Dense(2).compute_dtype, "bfloat16")

    def test_refuses(self):
        with self.assertRaisesRegex(ValueError, "precision must be one of .*got 'half'"):
            runtime.configure(precision="half")
        with self.assertRaisesRegex(ValueError, "threads must be at least 1 or None, got 0"):
            runtime.configure(threads=0)


if __name__ == "__main__":
    absltest.main()
