"""Tests of what is said of an attack: which branch of a network it has seen."""

import tensorflow as tf

from rtml_tf.evaluation.attacked_embeddings import branches_under_attack
from rtml_tf.evaluation.robust_retrieval import RobustRetrievalEvaluation
from rtml_tf.layers.l2_normalization import L2Normalization
from rtml_tf.networks.branches import one_branch, with_branches
from tests.evaluation.points import Points, short_attack


def _branched():
    image = tf.keras.Input((1, 1, 2))
    features = tf.keras.layers.BatchNormalization()(tf.keras.layers.Flatten()(image))
    embeddings = L2Normalization(name="length")(features)
    return with_branches(network=tf.keras.Model(image, embeddings))


class BranchesUnderAttackTest(tf.test.TestCase):
    def test_is_the_clean_one_where_there_are_any(self):
        branched, whole = _branched(), "the whole network"
        plain = one_branch(network=branched)
        for expected, networks in (
            (("clean", "clean"), (branched,)),
            ((whole, whole), (plain,)),
            ((whole, whole), (lambda images: images,)),
            (("clean", whole), (plain, branched)),
            ((whole, "clean"), (branched, plain)),
        ):
            found = branches_under_attack(*networks)
            self.assertEqual(found, dict(zip(("attacked", "evaluated"), expected)))

    def test_evaluations_say_it_of_their_latest_network(self):
        branched = _branched()
        plain = one_branch(network=branched)
        evaluation = RobustRetrievalEvaluation(
            source=Points([[0.1, 0.2], [0.2, 0.1], [-0.1, -0.2]], [0, 0, 1]),
            attack=short_attack(steps=1),
            epsilons=(0.1,),
            surrogate=branched,
        )
        self.assertIsNone(evaluation.describe()["branch"])
        evaluation.evaluate(plain)
        found = evaluation.describe()["branch"]
        self.assertEqual(found, branches_under_attack(plain, branched))
        evaluation.evaluate(branched)
        self.assertEqual(evaluation.describe()["branch"]["evaluated"], "clean")


if __name__ == "__main__":
    tf.test.main()
