"""Tests of the kernels that TensorFlow computes with on CPUs."""

# bazel: data = ["//rtml_tf:__init__", "@pypi//tensorflow"]

import os
import platform
import subprocess
import sys

from absl.testing import absltest

_NAME = "TF_ENABLE_ONEDNN_OPTS"


def _in_a_new_process(code: str, **environment: str) -> str:
    """All that it prints, where nothing but `environment` is said of TensorFlow."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    kept["PYTHONPATH"] = os.pathsep.join(sys.path)
    finished = subprocess.run(
        [sys.executable, "-c", code],
        env=kept | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    return finished.stdout


@absltest.skipUnless(platform.machine() in ("AMD64", "x86_64"), "of x86 alone")
class KernelsTest(absltest.TestCase):
    def test_tensorflow_computes_with_onednn_on_every_cpu(self):
        printed = _in_a_new_process("import rtml_tf, tensorflow")
        self.assertIn("oneDNN custom operations are on", printed)

    def test_what_the_user_has_set_stays(self):
        code = f"import os, rtml_tf; print(os.environ[{_NAME!r}])"
        self.assertEqual(_in_a_new_process(code, **{_NAME: "0"}), "0\n")


if __name__ == "__main__":
    absltest.main()
