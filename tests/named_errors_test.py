"""Tests of errors of the disk that say where."""

import errno
import os
import pathlib

from absl.testing import absltest

from rtml_tf.deployment.staging import staged
from rtml_tf.named_errors import errors_name
from rtml_tf.whole_file import whole_file


def _full_disk():
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class NamedErrorsTest(absltest.TestCase):
    def test_a_full_disk_is_named(self):
        expected = r"\[Errno 28\] No space left on device: 'here/figures\.json'"
        with (
            self.assertRaisesRegex(OSError, expected),
            errors_name(pathlib.Path("here/figures.json")),
        ):
            raise _full_disk()

    def test_what_names_a_file_or_has_no_number_stays(self):
        with self.assertRaisesRegex(FileNotFoundError, "'/absent/file'"), errors_name("here"):
            pathlib.Path("/absent/file").read_text()
        with self.assertRaisesRegex(OSError, r"^broken$"), errors_name("here"):
            raise OSError("broken")

    def test_files_and_folders_that_are_written_whole(self):
        folder = pathlib.Path(self.create_tempdir().full_path)
        with self.assertRaisesRegex(OSError, "space.*file.json"), whole_file(folder / "file.json"):
            raise _full_disk()
        with self.assertRaisesRegex(OSError, "space.*exported"), staged(folder / "exported"):
            raise _full_disk()


if __name__ == "__main__":
    absltest.main()
