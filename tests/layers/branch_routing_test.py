"""Tests of how blocks of code choose what the rows of a batch go through."""

import threading

import numpy as np
import tensorflow as tf

from rtml_tf.layers.branch_routing import branch, current_route, mixed_batch
from rtml_tf.layers.multi_batch_norm import MultiBatchNormalization


def _layer():
    """A built layer whose branches all differ."""
    layer = MultiBatchNormalization(name="norm")
    layer.build((None, 3))
    rng = np.random.default_rng(0)
    for variable in layer.variables:
        variable.assign(rng.uniform(0.5, 2.0, variable.shape))
    return layer


def _inputs():
    return np.random.default_rng(1).normal(1.0, 2.0, (6, 3)).astype(np.float32)


class RoutingTest(tf.test.TestCase):
    def test_threads_have_routes_of_their_own(self):
        layer, inputs, outputs = _layer(), _inputs(), {}
        # In a thread whose partner has failed, waiting ends in an error.
        barrier = threading.Barrier(2, timeout=60)

        def run(name):
            with branch(name):
                barrier.wait()
                outputs[name] = layer(inputs).numpy()
                barrier.wait()

        threads = [threading.Thread(target=run, args=(name,)) for name in ("single", "multi")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for name in ("single", "multi"):
            with branch(name):
                self.assertAllEqual(outputs[name], layer(inputs))

    def test_the_inner_route_counts_and_ends_with_its_block(self):
        layer, inputs = _layer(), _inputs()
        with branch("single"):
            outer = layer(inputs)
            with branch("multi"):
                inner = layer(inputs)
            self.assertAllEqual(layer(inputs), outer)
        with branch("multi"):
            self.assertAllEqual(layer(inputs), inner)

    def test_equal_routes_are_told_apart(self):
        """The inner one ends unused, the outer one is used after it."""
        layer, inputs = _layer(), _inputs()
        with branch("single"):
            with branch("single", required=False):
                pass
            layer(inputs)
            with (
                self.assertRaisesRegex(ValueError, r"No multi batch norm ran in branch\('single'"),
                branch("single"),
            ):
                pass
        self.assertEqual(current_route(), (("clean", None),))

    def test_a_route_ends_with_a_block_that_fails(self):
        with (
            self.assertRaisesRegex(RuntimeError, "in the block"),
            branch("multi"),
            mixed_batch({"clean": 1}),
            mixed_batch({"clean": 1}),
        ):
            raise RuntimeError("in the block")
        self.assertEqual(current_route(), (("clean", None),))

    def test_rows_must_be_positive_integers(self):
        for rows in ({}, {"clean": 0}, {"clean": 2.5}, {"clean": True}):
            with self.assertRaisesRegex(ValueError, "rows of at least 1"), mixed_batch(rows):
                pass

    def test_a_route_that_a_graph_would_keep_is_refused(self):
        layer = _layer()
        function = tf.function(lambda inputs: layer(inputs))
        with (
            self.assertRaisesRegex(ValueError, "chosen outside of the graph that is being traced"),
            branch("single"),
        ):
            function(_inputs())

    def test_a_route_that_a_graph_does_not_see_is_refused(self):
        layer = _layer()
        function = tf.function(lambda inputs: layer(inputs))
        function(_inputs())
        with (
            self.assertRaisesRegex(ValueError, r"No multi batch norm ran in branch\('single'\)"),
            branch("single"),
        ):
            function(_inputs())
        with branch("single", required=False):
            pass


if __name__ == "__main__":
    tf.test.main()
