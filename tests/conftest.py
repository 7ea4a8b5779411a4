"""What absltest's main block does, for tests that pytest runs."""

from absl import flags


def pytest_configure(config):
    """Lets tests use absl's flags (`create_tempdir` does) with their default values."""
    del config
    flags.FLAGS.mark_as_parsed()
