"""The lists of packages agree with each other."""

# bazel: data = ["//:all_files"]

import configparser
import pathlib
import re

from absl.testing import absltest

ROOT = pathlib.Path(__file__).parent.parent.parent


def requirements(text: str) -> set[str]:
    """The lines of a requirements file without comments and references to other files."""
    return {line for line in text.splitlines() if line and line[0] not in "#-"}


def locked_versions(name: str) -> dict[str, str]:
    """The version of each package of a lock file."""
    return dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / name).read_text(), re.MULTILINE))


class RequirementsTest(absltest.TestCase):
    def test_setup_cfg_asks_for_what_requirements_in_does(self):
        setup = configparser.ConfigParser()
        setup.read(ROOT / "setup.cfg")
        extras = setup["options.extras_require"]
        self.assertEqual(
            requirements(setup["options"]["install_requires"]) | requirements(extras["test"]),
            requirements((ROOT / "requirements.in").read_text()),
        )
        self.assertEqual(
            requirements(extras["gpu"]), requirements((ROOT / "requirements_gpu.in").read_text())
        )

    def test_the_lock_has_every_requirement_in_its_range(self):
        locked = locked_versions("requirements_lock.txt")
        for requirement in requirements((ROOT / "requirements.in").read_text()):
            name, _, pin = requirement.partition("==")
            name = re.match(r"[\w.-]+", name)[0]
            self.assertIn(name, locked, "Mend it with: bazel/lock_requirements.sh")
            self.assertIn(pin, ("", locked[name]), "Mend it with: bazel/lock_requirements.sh")

    def test_the_gpu_lock_adds_to_the_plain_one(self):
        self.assertContainsSubset(
            locked_versions("requirements_lock.txt").items(),
            locked_versions("requirements_gpu_lock.txt").items(),
        )

    def test_the_locks_name_packages_and_hashes_only(self):
        for name in ("requirements_lock.txt", "requirements_gpu_lock.txt"):
            lines = (ROOT / name).read_text().splitlines()
            others = [line for line in lines if not re.match(r"\w|    --hash=sha256:|\s*#", line)]
            self.assertEmpty(others)


if __name__ == "__main__":
    absltest.main()
