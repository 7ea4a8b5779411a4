"""With global negatives two replicas take the step of one device, for every method."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from tests import two_cpus
from tests.every_method import METHODS
from tests.one_step import updates

_SGD = tf.keras.optimizers.SGD


def setUpModule():
    two_cpus.start()


class EveryMethodOnReplicasTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(*METHODS)
    def test_two_replicas_take_the_step_of_one_device(self, name):
        make, make_batch = METHODS[name]

        def build():
            model = make()
            model.compile(optimizer=_SGD(0.1))
            model.prepare(num_classes=3)
            return model

        one = updates(build, make_batch())
        two = updates(build, make_batch(), two_cpus.mirrored_strategy())
        self.assertGreater(max(np.abs(change).max() for change in one), 1e-3)
        self.assertAllClose(two, one, atol=1e-5, rtol=0)

    def test_a_graph_takes_the_same_step(self):
        """Where replicas may meet is stricter in a graph; PGD meets in every step of its search."""
        make, make_batch = METHODS["joint, PGD, class weights"]

        def build():
            model = make()
            model.compile(optimizer=_SGD(0.1))
            model.prepare(num_classes=3)
            return model

        one = updates(build, make_batch())
        two = updates(build, make_batch(), two_cpus.mirrored_strategy(), in_graph=True)
        self.assertAllClose(two, one, atol=1e-5, rtol=0)


if __name__ == "__main__":
    tf.test.main()
