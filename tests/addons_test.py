"""Tests of the door to TensorFlow Addons."""

import warnings

from absl.testing import absltest


class AddonsTest(absltest.TestCase):
    def test_importing_it_is_silent(self):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            # Here and not above, where it would be imported before anything is caught.
            from rtml_tf import addons

        messages = [str(warning.message) for warning in caught]
        self.assertEmpty([message for message in messages if "TensorFlow Addons" in message])
        self.assertTrue(callable(addons.rotate))


if __name__ == "__main__":
    absltest.main()
