"""Tests of the names and checks of epsilons."""

from absl.testing import absltest, parameterized

from rtml_tf.attacks.ball import L2Ball
from rtml_tf.attacks.fast_gradient import FastGradientMethod
from rtml_tf.evaluation import epsilons


class EpsilonsTest(parameterized.TestCase):
    @parameterized.parameters(
        (4 / 255, "4/255"),
        (0.01568627, "4/255"),  # As it is written in a gin file.
        (0.0157, "0.0157"),
        (0.5, "0.5"),
        (0.2, "0.2"),  # Which is 51/255.
        (1e-6, "1e-06"),
        (0.0, "0"),
        (1.0, "1"),
        (3, "3"),
    )
    def test_names(self, epsilon, name):
        self.assertEqual(epsilons.epsilon_name(epsilon), name)
        self.assertEqual(epsilons.figure_at("accuracy", epsilon), f"accuracy at {name}")

    def test_the_attack_decides_what_is_too_large(self):
        attack = FastGradientMethod(epsilon=0.1)
        self.assertEqual(epsilons.checked_epsilons([0.1, 1], attack), (0.1, 1.0))
        with self.assertRaisesRegex(ValueError, r"epsilon must be in \[0, 1\] .* got 4.0"):
            epsilons.checked_epsilons([0.1, 4], attack)
        in_l2 = FastGradientMethod(epsilon=0.1, ball=L2Ball())
        self.assertEqual(epsilons.checked_epsilons([4], in_l2), (4.0,))

    @parameterized.parameters(((),), ((0.0, 0.1),), ((-0.1,),), ((0.2, 0.1),), ((0.1, 0.1),))
    def test_refuses(self, values):
        with self.assertRaisesRegex(ValueError, "rise and begin above 0"):
            epsilons.checked_epsilons(values, FastGradientMethod(epsilon=0.1))


if __name__ == "__main__":
    absltest.main()
