"""Tests of attacks that are searched for once and kept on disk."""

import os
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.attacks.ball import L2Ball
from rtml_tf.attacks.compiled_attack import CompiledAttack
from rtml_tf.attacks.embedding_objectives import EmbeddingShiftObjective
from rtml_tf.attacks.inference_view import InferenceView
from rtml_tf.attacks.projected_gradient_descent import ProjectedGradientDescent
from rtml_tf.attacks.similarity_objective import SimilarityObjective
from rtml_tf.data.array_cache import ArrayCache
from rtml_tf.evaluation.kept_attack import KeptAttack
from rtml_tf.evaluation.robust_retrieval import RobustRetrievalEvaluation
from tests.evaluation.points import Points, direction_network, short_attack

_IMAGES = np.random.default_rng(0).uniform(0.2, 0.8, (4, 1, 1, 2)).astype(np.float32)
_REFERENCE = np.array([[0.6, 0.8]] * 4, np.float32)


def _network(scale=1.0):
    image = tf.keras.Input((1, 1, 2), name="image")
    features = tf.keras.layers.Flatten(name="features")(image)
    embedding = tf.keras.layers.Dense(2, name="embedding")(features)
    network = tf.keras.Model(image, embedding, name="attacked")
    network.set_weights([scale * np.array([[1.0, 0.5], [-0.5, 2.0]]), np.zeros(2)])
    return network


def _attack(**changes):
    return ProjectedGradientDescent(**{"epsilon": 0.1, "steps": 2, "step_size": 0.05, **changes})


def _batch(images=_IMAGES, direction=1.0):
    direction = np.full(len(images), direction, np.float32)
    return {"image": images, "reference_embedding": _REFERENCE, "direction": direction}


class KeptAttackTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.cache = ArrayCache(self.create_tempdir().full_path)
        self.searches = 0
        search = CompiledAttack.on_replicas

        def counted(*args, **kwargs):
            self.searches += 1
            return search(*args, **kwargs)

        self.enter_context(mock.patch.object(CompiledAttack, "on_replicas", counted))

    def _found(
        self,
        *,
        scale=1.0,
        dtype="float32",
        attack=None,
        objective=None,
        batch=None,
        epsilon=0.1,
        seed=(0, 0),
    ):
        """What is found by an attack that is prepared anew."""
        compiled = CompiledAttack(
            network=InferenceView(network=_network(scale), compute_dtype=dtype),
            attack=attack or _attack(),
            objective=objective or SimilarityObjective(),
        )
        kept = KeptAttack(compiled, cache=self.cache)
        return kept.on_replicas([batch or _batch()], epsilon=epsilon, seeds=[seed])[0]

    def test_what_was_found_is_not_searched_for_again(self):
        compiled = CompiledAttack(
            network=InferenceView(network=_network()),
            attack=_attack(),
            objective=SimilarityObjective(),
        )
        expected = compiled(_batch(), epsilon=0.1, seed=(0, 0))
        self.searches = 0
        first, second = self._found(), self._found()
        self.assertEqual(self.searches, 1)
        self.assertAllEqual(first, expected)
        self.assertAllEqual(second, expected)
        self.assertNotAllClose(expected, _IMAGES)

    @parameterized.named_parameters(
        ("weights", {"scale": 2.0}),
        ("compute_dtype", {"dtype": "bfloat16"}),
        ("attack", {"attack": _attack(steps=3)}),
        ("ball", {"attack": _attack(ball=L2Ball())}),
        ("objective", {"objective": SimilarityObjective(threshold=0.5)}),
        ("kind_of_objective", {"objective": EmbeddingShiftObjective()}),
        ("epsilon", {"epsilon": 0.05}),
        ("seed", {"seed": (0, 1)}),
        ("images", {"batch": _batch(1 - _IMAGES)}),
        ("entries", {"batch": _batch(direction=-1.0)}),
        ("order", {"batch": _batch(_IMAGES[::-1])}),
    )
    def test_everything_that_an_attack_depends_on_counts(self, change):
        self._found()
        self._found(**change)
        self.assertEqual(self.searches, 2)

    def test_an_evaluation_searches_once_for_all_networks(self):
        source = Points([[0.1, 0.2], [0.2, 0.1], [-0.1, -0.2], [-0.2, -0.1]], [0, 0, 1, 1])
        surrogate = direction_network()

        def figures(networks, **options):
            evaluation = RobustRetrievalEvaluation(
                source=source,
                attack=short_attack(steps=2),
                epsilons=(0.05, 0.3),
                surrogate=surrogate,
                **options,
            )
            return [evaluation.evaluate(network) for network in networks]

        networks = [direction_network(), _network()]
        expected = figures(networks)
        self.searches = 0
        with mock.patch.dict(os.environ, RTML_TF_CACHE=str(self.cache.directory)):
            kept = figures(networks, keep_attacked=True)
            again = figures(networks[1:], keep_attacked=True)
        self.assertEqual(self.searches, 2)
        self.assertEqual(kept + again, expected + expected[1:])
        self.assertNotEqual(kept[0], kept[1])

    def test_only_what_is_found_on_a_surrogate_can_be_kept(self):
        source = Points([[0.1, 0.2], [0.2, 0.1], [-0.1, -0.2]], [0, 0, 1])
        with self.assertRaisesRegex(ValueError, "keep_attacked .* got no surrogate"):
            RobustRetrievalEvaluation(source=source, keep_attacked=True)


if __name__ == "__main__":
    tf.test.main()
