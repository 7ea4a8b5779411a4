"""Tests that the shipped gin files name what exists."""

import pathlib

import gin
from absl.testing import absltest, parameterized

from rtml_tf import configuration
from rtml_tf.attacks.ball import LInfBall

_FOLDER = pathlib.Path(configuration.__file__).absolute().parent.parent / "gin_configs"
_EXPERIMENTS = ["quickstart"] + [
    f"{folder}/{file.stem}"
    for folder in ("clan", "mdprop", "metric", "rmt")
    for file in sorted((_FOLDER / folder).glob("*.gin"))
    if not file.stem.endswith(("base", "paper", "paper_sop"))
]

# Data files that are parts of others, and those of images with masks.
_PARTS = ("class_parts.gin", "class_split.gin", "cityscapes_target.gin", "/pairs.gin")
_WITH_MASKS = (
    "camvid_day_dusk.gin",
    "gta5_cityscapes.gin",
    "mask_folders.gin",
    "scenes.gin",
    "synthia_cityscapes.gin",
)


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

    @parameterized.product(
        experiment=[x for x in _EXPERIMENTS if x.startswith(("mdprop/", "rmt/source", "rmt/pip"))],
        data=["glyphs", "omniglot", "lfw"],
    )
    def test_the_warm_up_of_epsilon_ends_before_training(self, experiment, data):
        files = [f"gin_configs/{experiment}.gin", f"gin_configs/data/{data}.gin"]
        configuration.parse(files, [])
        schedule = "epsilon/tf.keras.optimizers.schedules.PolynomialDecay"
        warm_up = gin.query_parameter(f"{schedule}.decay_steps")
        steps = gin.query_parameter("batches.TrainingBatches.steps_per_epoch")
        if isinstance(steps, gin.config.ConfigurableReference):  # A macro.
            steps = gin.query_parameter("%STEPS_PER_EPOCH")
        if experiment.endswith("free"):  # Steps of its schedule are updates.
            steps *= gin.query_parameter("free_adversarial.FreeAdversarialModel.replays")
        self.assertLess(warm_up, steps * gin.query_parameter("training.train.epochs"))

    @parameterized.product(
        experiment=[x for x in _EXPERIMENTS if x.startswith("rmt/source_joint")],
        kind=["retrieval", "verification"],
    )
    def test_thorough_evaluations_have_an_attack_of_their_own(self, experiment, kind):
        """Whatever the experiment trains with: 32 steps in L-infinity, from anywhere."""
        data = "omniglot" if kind == "retrieval" else "lfw"
        evaluation = f"gin_configs/evaluation/thorough_{kind}.gin"
        files = [f"gin_configs/{experiment}.gin", f"gin_configs/data/{data}.gin", evaluation]
        configuration.parse(files, ["SURROGATE = 'unused'"])
        name = f"robust_{kind}.Robust{kind.title()}Evaluation"
        attack = gin.query_parameter(f"thorough/{name}.attack").scoped_configurable_fn()
        self.assertIsInstance(attack.ball, LInfBall)
        self.assertEqual((attack.steps, attack.restarts), (32, 2))
        self.assertEqual(attack.relative_step_size, 2.5 / 32)
        self.assertTrue(attack.random_start)
        self.assertIsNone(attack.start_radius)

    @parameterized.parameters(*_files("losses"))
    def test_loss(self, file):
        configuration.parse(["gin_configs/quickstart.gin", file], [])

    @parameterized.parameters(*((file,) for file in _files("evaluation")))
    def test_evaluation(self, file):
        configuration.parse(["gin_configs/quickstart.gin", file], [])

    @parameterized.parameters(*_files("deployment"))
    def test_deployment(self, file):
        experiment = "clan/scenes" if file.endswith("segmentation.gin") else "quickstart"
        configuration.parse([f"gin_configs/{experiment}.gin", file], [])

    @parameterized.parameters(*_files("networks"))
    def test_network(self, file):
        configuration.parse(["gin_configs/quickstart.gin", file], [])

    @parameterized.parameters(*_files("transfer"))
    def test_transfer(self, file):
        configuration.parse(["gin_configs/rmt/transfer_absolute.gin", file], [])

    @parameterized.parameters(
        *(file for file in _files("data") if not file.endswith((*_PARTS, *_WITH_MASKS)))
    )
    def test_data(self, file):
        configuration.parse(["gin_configs/quickstart.gin", file], [])

    @parameterized.parameters("image_index", "packed", "tensorflow_datasets")
    def test_other_forms_of_a_folder_keep_its_augmentation(self, data):
        files = ["gin_configs/metric/image_folder.gin", f"gin_configs/data/{data}.gin"]
        configuration.parse(files, [])
        self.assertLen(gin.query_parameter("AUGMENTATION/macro.value"), 2)

    @parameterized.parameters(
        ("insightface", "insightface_pairs"), ("pairs_table", "pairs_from_table")
    )
    def test_pairs_of_ones_own(self, data, function):
        files = ["metric/image_folder", f"data/{data}", "evaluation/thorough_verification"]
        configuration.parse([f"gin_configs/{file}.gin" for file in files], [])
        pairs = gin.query_parameter("pairs/gin.singleton.constructor")
        self.assertEndsWith(pairs.selector, f".{function}")

    @parameterized.product(
        file=[file for file in _files("data") if file.endswith(_WITH_MASKS)],
        experiment=["clan_alternating", "source_only", "scenes"],
    )
    def test_data_with_masks(self, file, experiment):
        configuration.parse([f"gin_configs/clan/{experiment}.gin", file], [])

    @parameterized.product(
        experiment=("baseline", "advprop", "mdprop", "mdprop_s2sd"), data=("cub", "cars", "sop")
    )
    def test_experiments_of_mdprop_with_the_settings_of_the_paper(self, experiment, data):
        paper = "mdprop/paper_sop" if data == "sop" else "mdprop/paper"
        files = [f"mdprop/{experiment}", f"data/{data}", "losses/arcface", paper]
        configuration.parse([f"gin_configs/{file}.gin" for file in files], [])
        images = gin.query_parameter("pk_sampler.PKSampler.images_per_class")
        batch_size = gin.query_parameter("pk_sampler.PKSampler.classes_per_batch") * images
        self.assertEqual(batch_size, 112 if data == "sop" else 64)
        optimizer = "tf.keras.optimizers.Adam"
        self.assertEqual(gin.query_parameter(f"{optimizer}.learning_rate"), 1e-5)
        self.assertEqual(gin.query_parameter(f"loss/{optimizer}.learning_rate"), 5e-4)
        self.assertIsNone(gin.query_parameter(f"loss/{optimizer}.weight_decay"))

    def test_there_are_experiments_to_test(self):
        self.assertContainsSubset(["quickstart", "metric/omniglot"], _EXPERIMENTS)


if __name__ == "__main__":
    absltest.main()
