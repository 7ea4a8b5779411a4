"""Tests of what the binaries share."""

from absl.testing import absltest

from rtml_tf import command_line


class MessageTest(absltest.TestCase):
    def test_of_the_objects_on_the_way_the_innermost_is_named(self):
        error = ValueError(
            "root must be an existing folder, got 'nope'.\n"
            "  In call to configurable 'ImageFolder' (<class 'folder.ImageFolder'>) in scope 'a'\n"
            "  In call to configurable 'train' (<function train at 0x7fb51>)"
        )
        self.assertEqual(
            command_line.message_of(error),
            "root must be an existing folder, got 'nope'.\n  In 'ImageFolder' in scope 'a'",
        )

    def test_an_error_without_words_is_named(self):
        self.assertEqual(command_line.message_of(OSError()), "OSError")


if __name__ == "__main__":
    absltest.main()
