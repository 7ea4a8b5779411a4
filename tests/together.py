"""Runs several test files in one process, which then imports TensorFlow once for all of them.

    python -m tests.together tests.losses.center_test tests.losses.circle_test

Where the import takes longer than the tests of a file, this is how `bazel test //...` runs them.
"""

from absl.testing import absltest

from tests import two_cpus

if __name__ == "__main__":
    # As pytest's configuration does: the first file that computes would settle the devices.
    two_cpus.start()
    # Without a module of its own the names on the command line are those of modules.
    absltest.main(module=None)
