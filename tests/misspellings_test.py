"""Tests of the suggestions for names that do not exist."""

import tensorflow as tf
from absl.testing import absltest, parameterized

from rtml_tf import misspellings


def _closed(*, first, second=1):
    del first, second


def _open(*, first, **others):
    del first, others


class _Base:
    def __init__(self, *, inherited=1):
        del inherited


class _Derived(_Base):
    def __init__(self, *, own=1, **kwargs):
        del own
        super().__init__(**kwargs)


class MisspellingsTest(parameterized.TestCase):
    def test_names_the_nearest_name(self):
        sentence = misspellings.did_you_mean("epoks", ["epochs", "optimizer"])
        self.assertEqual(sentence, "\nDid you mean 'epochs'?")

    def test_says_nothing_when_no_name_is_near(self):
        self.assertEqual(misspellings.did_you_mean("zzz", ["epochs"]), "")

    @parameterized.parameters(
        (_closed, {"first", "second"}),
        (_open, None),
        (_Derived, {"self", "own", "inherited"}),
    )
    def test_known_arguments(self, callable_object, expected):
        self.assertEqual(misspellings.known_arguments(callable_object), expected)

    def test_keras_bases_that_refuse_unknown_arguments_are_known_in_full(self):
        adam = misspellings.known_arguments(tf.keras.optimizers.Adam)
        self.assertContainsSubset({"learning_rate", "beta_1", "clipnorm", "use_ema"}, adam)
        self.assertNotIn("kwargs", adam)
        dense = misspellings.known_arguments(tf.keras.layers.Dense)
        self.assertContainsSubset({"units", "dtype", "input_shape"}, dense)


if __name__ == "__main__":
    absltest.main()
