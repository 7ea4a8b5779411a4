import numpy as np
import tensorflow as tf

from rtml_tf.layers.sharded_rows import RowsOfWorkers, ShardedRows
from tests import two_cpus

SHAPE = (5, 3)


def setUpModule():
    two_cpus.start()


def build(strategy=None, *, learning_rate=0.5, momentum=0.9, shape=SHAPE):
    with (strategy or tf.distribute.get_strategy()).scope():
        return ShardedRows(
            shape=shape,
            initializer=tf.keras.initializers.RandomNormal(),
            learning_rate=learning_rate,
            momentum=momentum,
            name="class_weights",
        )


class _Exchange:
    """Plays the other worker, which has the other rows of a matrix."""

    def __init__(self, index, values):
        self.index, self.count, self._values = index, 2, values

    def joined_rows(self, matrix, sizes):
        parts = np.split(self._values, np.cumsum(sizes)[:-1])
        np.testing.assert_array_equal(parts[self.index].shape, matrix.shape)
        parts[self.index] = matrix
        return np.concatenate(parts)


def _of_worker(index, values):
    """A worker of two: the first has rows 0 and 1 in a shard each, the second rows 2 to 4."""
    variables = [tf.Variable(x) for x in ([values[:1], values[1:2]], [values[2:]])[index]]
    return RowsOfWorkers(variables, sizes=[2, 3], exchange=_Exchange(index, values))


class ShardedRowsTest(tf.test.TestCase):
    def test_every_replica_has_its_rows_and_their_momentum_on_its_device(self):
        rows = build(two_cpus.mirrored_strategy())
        self.assertEqual(rows.shape, SHAPE)
        for shards in (rows.shards, rows.momenta):
            self.assertEqual([shard.shape for shard in shards.variables], [(3, 3), (2, 3)])
            devices = [shard.device[-5:] for shard in shards.variables]
            self.assertEqual(devices, ["CPU:0", "CPU:1"])
        self.assertLen(rows.non_trainable_variables, 4)
        self.assertEmpty(rows.trainable_variables)
        self.assertLen(np.unique(rows.shards.numpy()), 15)  # No shard starts as a copy.

    def test_replicas_find_their_own(self):
        strategy = two_cpus.mirrored_strategy()
        rows = build(strategy)

        @tf.function
        def found():
            return strategy.run(lambda: (rows.own.rows[0], tf.constant(rows.own.first)))

        values, firsts = map(strategy.experimental_local_results, found())
        self.assertAllEqual(firsts, [0, 3])
        self.assertAllEqual(values, tf.gather(rows.shards.numpy(), firsts))

    def test_moves_as_an_optimizer_of_keras_does(self):
        schedule = tf.keras.optimizers.schedules.ExponentialDecay(0.5, 1, 0.5)
        rows = build(learning_rate=schedule)
        variable = tf.Variable(rows.own.rows)
        optimizer = tf.keras.optimizers.SGD(schedule, momentum=0.9)
        for step in range(3):
            gradient = tf.constant(np.random.default_rng(step).normal(size=SHAPE), tf.float32)
            rows.descend(gradient, step=tf.constant(step, tf.int64))
            optimizer.apply_gradients([(gradient, variable)])
        self.assertAllClose(rows.own.rows, variable, atol=1e-6)

    def test_rows_without_a_gradient_rest_with_their_momentum(self):
        rows = build()
        before, ones = rows.own.rows.numpy(), np.ones(3)
        for indices, values in (([4, 1], [1.0, 2.0]), ([1, 1], [3.0, 4.0])):
            slices = tf.IndexedSlices(tf.constant(np.outer(values, ones), tf.float32), indices)
            rows.descend(slices, step=tf.constant(0))
        # By hand: row 1 has m = -0.5 * 2, then 0.9 m - 0.5 * (3 + 4); row 4 has m = -0.5 * 1.
        expected = np.outer([0.0, -1.0 - 4.4, 0.0, 0.0, -0.5], ones)
        self.assertAllClose(rows.own.rows - before, expected, atol=1e-6)
        self.assertAllClose(
            rows.momenta.numpy(), np.outer([0.0, -4.4, 0.0, 0.0, -0.5], ones), atol=1e-6
        )

    def test_without_momentum_there_is_no_second_matrix(self):
        rows = build(momentum=0.0)
        before = rows.own.rows.numpy()
        rows.descend(tf.IndexedSlices(tf.ones([1, 3]), [2]), step=tf.constant(0))
        self.assertLen(rows.variables, 1)
        self.assertAllClose((rows.own.rows - before)[:, 0], [0.0, 0.0, -0.5, 0.0, 0.0])

    def test_a_checkpoint_is_restored_on_another_number_of_replicas(self):
        values = np.random.default_rng(0).normal(size=(2, *SHAPE)).astype(np.float32)
        folder = self.create_tempdir().full_path
        for source in (None, two_cpus.mirrored_strategy()):
            saved = build(source)
            for shards, value in zip((saved.shards, saved.momenta), values):
                first = 0
                for shard in shards.variables:
                    shard.assign(value[first : first + shard.shape[0]])
                    first += shard.shape[0]
            path = tf.train.Checkpoint(rows=saved).save(f"{folder}/checkpoint")
            for target in (None, two_cpus.mirrored_strategy()):
                restored = build(target)
                status = tf.train.Checkpoint(rows=restored).restore(path)
                status.assert_existing_objects_matched().assert_consumed()
                self.assertAllEqual(restored.shards.numpy(), values[0])
                self.assertAllEqual(restored.momenta.numpy(), values[1])

    def test_a_checkpoint_of_several_workers_is_one_of_one(self):
        values = np.arange(15, dtype=np.float32).reshape(SHAPE)
        workers = [_of_worker(index, values) for index in (0, 1)]
        path = f"{self.create_tempdir().full_path}/checkpoint"
        alone = build(momentum=0.0)
        for saved in workers:
            file = tf.train.Checkpoint(shards=saved).save(path)
            alone.shards.variables[0].assign(tf.zeros(SHAPE))
            status = tf.train.Checkpoint(shards=alone.shards).restore(file)
            status.assert_existing_objects_matched().assert_consumed()
            self.assertAllEqual(alone.shards.numpy(), values)
        alone.shards.variables[0].assign(2.0 * values)
        file = tf.train.Checkpoint(shards=alone.shards).save(path)
        for restored in workers:
            status = tf.train.Checkpoint(shards=restored).restore(file)
            status.assert_existing_objects_matched().assert_consumed()
        shards = [shard for worker in workers for shard in worker.variables]
        self.assertAllEqual(tf.concat(shards, axis=0), 2.0 * values)

    def test_between_steps_no_shard_is_the_own(self):
        strategy = two_cpus.mirrored_strategy()
        rows = build(strategy)
        with (
            strategy.scope(),
            self.assertRaisesRegex(
                ValueError,
                "class_weights is divided among 2 replicas, of which only one that takes a step",
            ),
        ):
            _ = rows.own
        with strategy.scope():
            self.assertEqual([shard.first for shard in rows.shards_here()], [0, 3])

    def test_needs_a_row_for_every_replica(self):
        with self.assertRaisesRegex(ValueError, "1 rows cannot be divided among 2 replicas"):
            build(two_cpus.mirrored_strategy(), shape=(1, 3))


if __name__ == "__main__":
    tf.test.main()
