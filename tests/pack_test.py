"""Packing images through the command line, and training on them."""

# bazel: data = ["//rtml_tf:pack"]

import os
import pathlib
import resource
import subprocess
import sys

import gin
import numpy as np
from absl.testing import absltest, parameterized
from PIL import Image

from rtml_tf import configuration


class PackTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)
        rng = np.random.default_rng(0)
        for name in ("a/1", "a/2", "b/1", "b/2"):
            path = self.folder / "images" / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            size = 8 if name[0] == "a" else 80  # The images of the second shard are larger.
            Image.fromarray(rng.integers(0, 256, (size, 8, 3)).astype(np.uint8)).save(path)

    def pack(self, *arguments, limit=resource.RLIM_INFINITY):
        finished = subprocess.run(
            [sys.executable, "-m", "rtml_tf.pack", *arguments],
            env={
                **os.environ,
                "BUILD_WORKING_DIRECTORY": str(self.folder),
                "PYTHONPATH": os.pathsep.join([os.getcwd(), *sys.path]),
                # Python does not notice that a file it compiles into is cut off by a full disk.
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
            capture_output=True,
            text=True,
            check=False,
        )
        return finished.returncode, finished.stdout + finished.stderr

    def contents(self, folder):
        return {path.name: path.read_bytes() for path in (self.folder / folder).iterdir()}

    def test_a_disk_that_becomes_full_leaves_whole_files_and_packing_goes_on(self):
        arguments = (
            "--gin_file=gin_configs/packing/image_folder.gin",
            "--gin_param=IMAGES = 'images'",
            "--gin_param=packing.pack.images_per_shard = 2",
        )
        code, output = self.pack(*arguments, "--gin_param=PACKED = 'packed'", limit=1500)
        self.assertEqual(code, 1, output)
        self.assertRegex(output, r"error: .*images-00001-of-00002.*[Ff]ile too large")
        self.assertNotIn("Traceback", output)
        shard = "images-00000-of-00002"
        self.assertCountEqual(
            self.contents("packed"), [f"{shard}.json", f"{shard}.tfrecord", ".lock"]
        )

        code, output = self.pack(*arguments, "--gin_param=PACKED = 'packed'")
        self.assertEqual(code, 0, output)
        self.assertIn("4 images of 2 classes in 2 shards", output)
        self.assertIn("1 shards were written now", output)
        self.pack(*arguments, "--gin_param=PACKED = 'at once'")
        self.assertEqual(self.contents("packed"), self.contents("at once"))

    def test_nothing_to_pack(self):
        code, output = self.pack()
        self.assertEqual(code, 1, output)
        self.assertIn("error: nothing to pack given, expected --gin_file=", output)

    @parameterized.parameters("image_folder", "image_index")
    def test_shipped_files(self, name):
        self.addCleanup(gin.clear_config)
        configuration.parse([f"gin_configs/packing/{name}.gin"], ["IMAGES = 'a'", "PACKED = 'b'"])
        configuration.lock()


if __name__ == "__main__":
    absltest.main()
