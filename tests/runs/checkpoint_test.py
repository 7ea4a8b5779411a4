"""Tests of checkpoints: what is on the disk, and what happens when some of it is not."""

import os
import pathlib
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.runs.checkpoint import RunCheckpoint, RunState


def _model(units=3):
    tf.keras.backend.clear_session()
    model = tf.keras.Sequential([tf.keras.layers.Dense(units, input_shape=(2,))])
    model.compile(optimizer=tf.keras.optimizers.Adam())
    model.optimizer.build(model.trainable_variables)
    return model


def _cut(path):
    os.truncate(path, path.stat().st_size // 2)


def _zeroed(path):
    """What a power cut leaves of a file whose size alone was on the disk."""
    path.write_bytes(bytes(path.stat().st_size))


class RunCheckpointTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)
        self.state = RunState()
        self.model = _model()
        self.checkpoint = self._checkpoint(self.model, self.state)

    def _checkpoint(self, model, state):
        return RunCheckpoint(model=model, state=state, folder=self.folder)

    def _save(self, *steps):
        """Saves at each of these steps, with all weights equal to its number."""
        for step in steps:
            for variable in self.model.trainable_variables:
                variable.assign(tf.fill(variable.shape, float(step)))
            self.state.step.assign(step)
            self.checkpoint.save()

    def _resumed(self):
        """The step that a new process goes on from."""
        self.state, self.model = RunState(), _model()
        self.checkpoint = self._checkpoint(self.model, self.state)
        self.assertTrue(self.checkpoint.restore())
        step = int(self.state.step.numpy())
        for variable in self.model.trainable_variables:
            self.assertAllEqual(variable, np.full(variable.shape, step))
        return step

    def _files(self, step):
        return sorted(self.folder.glob(f"ckpt-{step}.*"))

    def test_goes_on_from_the_newest(self):
        self.assertFalse(self.checkpoint.restore())
        self._save(1, 2, 3)
        self.assertEqual(self._resumed(), 3)
        self.assertEmpty(self._files(1))
        self.assertLen(self._files(2), 2)

    @parameterized.product(
        part=("index", "data-00000-of-00001"), damage=(_cut, _zeroed, os.truncate, os.remove)
    )
    def test_goes_on_from_the_one_before_where_the_newest_cannot_be_read(self, part, damage):
        self._save(1, 2)
        path = self.folder / f"ckpt-2.{part}"
        if damage is os.truncate:
            os.truncate(path, 0)
        else:
            damage(path)
        with self.assertLogs(level="WARNING") as logs:
            self.assertEqual(self._resumed(), 1)
        self.assertRegex(
            logs.output[-1], "ckpt-2 cannot be read .*; going on from the one before it, .*ckpt-1"
        )

    def test_goes_on_from_the_one_before_where_the_clock_has_gone_back(self):
        self._save(1, 2)
        listed = self.folder / "checkpoint"
        text = listed.read_text()
        self.assertIn("last_preserved_timestamp: ", text)
        listed.write_text(text.replace("last_preserved_timestamp: ", "last_preserved_timestamp: 9"))
        _cut(self._files(2)[0])
        self.assertEqual(self._resumed(), 1)
        self._save(2)

    def test_a_damaged_one_is_written_again(self):
        self._save(1, 2)
        _cut(self._files(2)[0])
        self._resumed()
        self._save(2)
        self.assertEqual(self._resumed(), 2)
        self.assertLen(self._files(1), 2)

    def test_refuses_when_none_can_be_read(self):
        self._save(1, 2)
        for path in self._files("*"):
            _cut(path)
        with self.assertRaisesRegex(ValueError, "ckpt-2 is damaged or does not fit this model"):
            self._resumed()

    def test_a_model_that_does_not_fit_does_not_look_further(self):
        self._save(1, 2)
        for path in self._files(1):
            path.unlink()
        with self.assertRaisesRegex(ValueError, r"ckpt-2 .* does not fit this model: .*\(3,\)"):
            self._checkpoint(_model(units=4), RunState()).restore()

    def test_a_saved_one_is_on_the_disk(self):
        flushed = []

        def note(descriptor):
            flushed.append(pathlib.Path(os.readlink(f"/proc/self/fd/{descriptor}")))

        with mock.patch.object(os, "fsync", note):
            self._save(7)
        state = self.folder / "checkpoint"
        self.assertCountEqual(flushed, [*self._files(7), state, self.folder])
        self.assertEqual(flushed[-1], self.folder)


if __name__ == "__main__":
    tf.test.main()
