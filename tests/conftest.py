"""What absltest's main block does, for tests that pytest runs."""

from absl import flags

from tests import two_cpus


def pytest_configure(config):
    """Gives absl's flags (`create_tempdir` has one) their defaults, and TensorFlow its devices."""
    del config
    flags.FLAGS.mark_as_parsed()
    two_cpus.start()
