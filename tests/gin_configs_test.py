"""Tests that the shipped gin files name what exists."""

import pathlib

import gin
from absl.testing import absltest, parameterized

from rtml_tf import configuration

_FOLDER = pathlib.Path(configuration.__file__).absolute().parent.parent / "gin_configs"
_EXPERIMENTS = ["quickstart"] + [
    f"{folder}/{file.stem}"
    for folder in ("metric", "rmt")
    for file in sorted((_FOLDER / folder).glob("*.gin"))
    if file.stem != "base"
]


def _files(kind):
    return [f"gin_configs/{kind}/{file.name}" for file in sorted((_FOLDER / kind).glob("*.gin"))]


class GinConfigsTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.addCleanup(gin.clear_config)

    @parameterized.parameters(*_EXPERIMENTS)
    def test_experiment(self, experiment):
        configuration.parse([f"gin_configs/{experiment}.gin"], [])
        self.assertIsNotNone(gin.query_parameter("training.train.model"))

    @parameterized.parameters(*_files("losses"))
    def test_loss(self, file):
        configuration.parse(["gin_configs/quickstart.gin", file], [])

    @parameterized.parameters(*((file,) for file in _files("evaluation")))
    def test_evaluation(self, file):
        configuration.parse(["gin_configs/quickstart.gin", file], [])

    @parameterized.parameters(*_files("networks"))
    def test_network(self, file):
        configuration.parse(["gin_configs/quickstart.gin", file], [])

    @parameterized.parameters(
        *(file for file in _files("data") if not file.endswith("class_split.gin"))
    )
    def test_data(self, file):
        configuration.parse(["gin_configs/quickstart.gin", file], [])

    def test_there_are_experiments_to_test(self):
        self.assertContainsSubset(["quickstart", "metric/omniglot"], _EXPERIMENTS)


if __name__ == "__main__":
    absltest.main()
