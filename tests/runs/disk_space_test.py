"""Tests that a run which the disk cannot hold does not start."""

import os
import pathlib
import resource
import types
from unittest import mock

import tensorflow as tf
from absl.testing import absltest

from rtml_tf.losses.multi_similarity import MultiSimilarityLoss
from rtml_tf.models.metric_model import MetricModel
from rtml_tf.runs.checkpoint_choices import CheckpointChoices
from rtml_tf.runs.disk_space import check_disk_space
from rtml_tf.runs.run_folder import RunFolder, RunFolderError

# 1,000 weights of 4 bytes, and for each two of Adam's: 12 kB a checkpoint, 4 kB a network.
_NEEDED = 3 * 12_000 + 2 * 4_000 + (16 << 20)
_COUNTERS = 1_000  # Of the model and of the optimizer: more than they take.


def _model():
    network = tf.keras.Sequential(
        [tf.keras.Input((100,)), tf.keras.layers.Dense(10, use_bias=False)]
    )
    model = MetricModel(network=network, loss=MultiSimilarityLoss())
    model.compile(optimizer=tf.keras.optimizers.Adam())
    model.prepare(num_classes=2)
    return model


class DiskSpaceTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.existing = pathlib.Path(self.create_tempdir().full_path)
        self.folder = RunFolder(self.existing / "runs" / "new")

    def _check(self, free, callbacks=()):
        status = types.SimpleNamespace(f_bavail=free, f_frsize=1)
        with mock.patch.object(os, "statvfs", return_value=status) as asked:
            check_disk_space(self.folder, _model(), callbacks)
        asked.assert_called_with(self.existing)

    def test_checkpoints_and_networks_must_fit(self):
        self._check(_NEEDED + _COUNTERS)
        with self.assertRaisesRegex(
            RunFolderError, r"runs/new \(3 checkpoints of 0.0 MB.*\), but the disk .* has 16.8 MB"
        ):
            self._check(_NEEDED - 1)
        self.assertFalse(self.folder.path.exists())

    def test_networks_that_callbacks_keep_must_fit_too(self):
        choices = CheckpointChoices(choices={}, evaluations={})
        self._check(_NEEDED + 2 * 4_000 + _COUNTERS, [choices, tf.keras.callbacks.Callback()])
        with self.assertRaisesRegex(RunFolderError, "4 networks of 0.0 MB"):
            self._check(_NEEDED + 2 * 4_000 - 1, [choices])

    def test_what_is_there_already_needs_no_more_room(self):
        self.folder.checkpoints.mkdir(parents=True)
        (self.folder.checkpoints / "ckpt-1.data").write_bytes(b"x" * 20_000)
        self.existing = self.folder.path
        self._check(_NEEDED - 20_000 + _COUNTERS)
        with self.assertRaises(RunFolderError):
            self._check(_NEEDED - 20_000 - 1)

    def test_a_limit_on_files_is_a_limit(self):
        with mock.patch.object(resource, "getrlimit", return_value=(12_000, -1)):
            with self.assertRaisesRegex(RunFolderError, "only write files of up to 0.0 MB"):
                check_disk_space(self.folder, _model())


if __name__ == "__main__":
    absltest.main()
