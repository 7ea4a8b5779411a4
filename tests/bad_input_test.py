"""The table of bad input: what is wrong, and the one message that says so.

Every row gives a command and a set of files of which one thing is bad. The command must end within
20 seconds of computing with exit status 1 and one error that names the thing, what was expected and
what was received; without a traceback, and with every file as it was.
"""

# bazel: size = "medium"
# bazel: data = ["//rtml_tf:evaluate", "//rtml_tf:export", "//rtml_tf:pack", "//rtml_tf:train"]

import os
import pathlib
import resource
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from unittest import mock

from absl.testing import absltest, parameterized

from tests.bad_input import configurations, data, files, networks, scale
from tests.bad_input.row import TRAIN
from tests.in_process import binary

_SECONDS = 20  # Of computing: how busy others keep the machine does not count.
_SECONDS_WITH_WAITING = 120
_ROWS = [
    *configurations.CONFIGURATIONS,
    *configurations.FLAGS,
    *data.DATA,
    *data.IMAGES,
    *data.PAIRS,
    *data.MASKS,
    *networks.NETWORKS,
    *networks.RUN_FOLDERS,
    *networks.CHECKPOINTS,
    *networks.EXPORTS,
    *scale.PACKS,
    *scale.CLUSTERS,
]


def _snapshot(folder):
    """What is in a folder: every file with its content."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
        # Every start makes an event file, of which TensorBoard shows all.
        if path.parent.name != "tensorboard"
    }


class BadInputTest(parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.start = os.getcwd()
        cls.sound = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.sound)
        files.write_sound_files(cls.sound)
        os.chdir(cls.sound)
        status, output = binary("train --gin_file=experiment.gin --run_dir=run")
        assert status == 0, output
        shutil.copytree("run", "stopped")
        (cls.sound / "stopped" / "metrics.json").unlink()

    @classmethod
    def tearDownClass(cls):
        os.chdir(cls.start)
        super().tearDownClass()

    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path) / "files"
        shutil.copytree(self.sound, self.folder)
        os.chdir(self.folder)

    def started(self, command, limit=resource.RLIM_INFINITY):
        """As `binary`, as a program of its own: what users call."""
        name, *arguments = shlex.split(command)
        # Python does not notice that a file it compiles into is cut off by a full disk.
        environment = {"PYTHONDONTWRITEBYTECODE": "1"}
        environment["PYTHONPATH"] = os.pathsep.join([self.start, *sys.path])
        finished = subprocess.run(
            [sys.executable, "-m", f"rtml_tf.{name}", *arguments],
            env=os.environ | environment,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return finished.returncode, finished.stdout

    def assert_one_message(self, output, says):
        self.assertRegex(output, says)
        errors = [line for line in output.splitlines() if line.startswith("error:")]
        self.assertLen(errors, 1, output)
        self.assertNotIn("Traceback", output)

    @parameterized.named_parameters(
        (row.name.replace(" ", "_").replace("'", ""), row) for row in _ROWS
    )
    def test_one_message_and_nothing_else(self, row):
        if row.damage is not None:
            row.damage(self.folder)
        cluster = {} if row.cluster is None else {"TF_CONFIG": row.cluster}
        # Puts back what the command changes, too.
        self.enter_context(mock.patch.dict(os.environ, cluster))
        before = _snapshot(self.folder)
        started, started_computing = time.monotonic(), time.process_time()
        status, output = binary(row.command)
        self.assertLess(time.process_time() - started_computing, _SECONDS)
        self.assertLess(time.monotonic() - started, _SECONDS_WITH_WAITING)
        self.assertEqual(status, 1, output)
        self.assert_one_message(output, row.says)
        after = _snapshot(self.folder)
        changed = [n for n in before | after if before.get(n, "") != after.get(n, "")]
        self.assertEmpty(changed)

    def test_a_program_ends_with_status_1_and_shows_no_traceback(self):
        status, output = self.started(TRAIN + "--gin_param=SEDE=3")
        self.assertEqual(status, 1, output)
        self.assert_one_message(output, "macro SEDE is set but nothing uses it")

    def test_a_program_shows_the_traceback_when_asked(self):
        status, output = self.started(TRAIN + "--gin_param=SEDE=3 --verbosity=1")
        self.assertEqual(status, 1, output)
        self.assertIn("Traceback", output)

    def test_a_misspelt_flag(self):
        status, output = self.started("train --gin_fil=experiment.gin")
        self.assertEqual(status, 1, output)
        self.assertRegex(output, "Unknown command line flag 'gin_fil'. Did you mean: gin_file")
        self.assertNotIn("Traceback", output)

    def test_files_that_may_not_become_large_enough(self):
        status, output = self.started(TRAIN, limit=1000)
        self.assertEqual(status, 1, output)
        self.assert_one_message(output, r"this process may only write files of up to 0.0 MB")
        self.assertFalse((self.folder / "new").exists())


if __name__ == "__main__":
    absltest.main()
