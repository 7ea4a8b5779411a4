"""Tests of an export as a whole, and of comparing two images with what it leaves."""

# bazel: data = ["//examples:compare_faces"]

import contextlib
import hashlib
import io
import json
import pathlib
import subprocess
import sys
import zipfile
from unittest import mock

import numpy as np
import tensorflow as tf
from PIL import Image

from rtml_tf.attacks.fast_gradient import FastGradientMethod
from rtml_tf.data.array_source import ArraySource
from rtml_tf.data.batches import OrderedBatches
from rtml_tf.data.class_pairs import class_pairs
from rtml_tf.deployment import exporting
from rtml_tf.deployment.embedding_endpoints import EmbeddingEndpoints
from rtml_tf.deployment.latency import LatencyMeasurement
from rtml_tf.deployment.model_card import ModelCard
from rtml_tf.deployment.parity import ParityLimits
from rtml_tf.deployment.proof import Proof
from rtml_tf.deployment.quantization_aware_tuning import QuantizationAwareTuning
from rtml_tf.deployment.saved_model_form import SavedModelForm
from rtml_tf.deployment.similarity_thresholds import SimilarityThresholds
from rtml_tf.deployment.tflite_forms import Float32, Int8
from rtml_tf.evaluation.retrieval import RetrievalEvaluation
from rtml_tf.evaluation.robust_retrieval import RobustRetrievalEvaluation
from tests.deployment.clean_environment import clean_environment
from tests.deployment.tiny_networks import embedding_network

_EXAMPLE = pathlib.Path(__file__).absolute().parents[2] / "examples" / "compare_faces.py"


def _source(shape=(8, 6, 3)):
    """Four images of each of six classes: one pattern a class, and noise."""
    generator = np.random.default_rng(0)
    patterns = np.repeat(generator.uniform(0.2, 0.8, (6, *shape)), 4, axis=0)
    pixels = np.rint(255 * (patterns + generator.uniform(-0.2, 0.2, patterns.shape)))
    return ArraySource(
        keys=[f"{i}" for i in range(24)], array=pixels.astype(np.uint8), labels=np.arange(24) // 4
    )


class ExportingTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path) / "export"
        self.network = embedding_network()

    def _attack(self, **arguments):
        return RobustRetrievalEvaluation(
            source=_source(),
            attack=FastGradientMethod(epsilon=0.1),
            epsilons=(0.1,),
            **arguments,
        )

    def _export(self, network=None, forms=None, proof=None, source=None, **arguments):
        source = source or _source()
        evaluation = RetrievalEvaluation(source=source, recall_at=(1,), nmi=False, density=False)
        batches = OrderedBatches(source=source)
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            report = exporting.export(
                run_dir=str(self.folder),
                network=network or self.network,
                forms=forms or {"float32": Float32()},
                examples=arguments.pop("examples", batches),
                proof=Proof(
                    held_out=batches, evaluations={"retrieval": evaluation}, **(proof or {})
                ),
                describe_config=lambda: "A = 1",
                **arguments,
            )
        self.assertIn("tiny: 8x6x3 -> 4", printed.getvalue())
        return report

    def test_what_evaluations_say_is_of_the_network(self):
        """A file is evaluated, too, and later."""

        class _Counted(RetrievalEvaluation):
            networks = 0

            def evaluate(self, network):
                self.networks += 1
                return super().evaluate(network)

            def describe(self):
                return {"networks": self.networks}

        def counted(surrogate):
            return _Counted(source=_source(), recall_at=(1,), nmi=False, density=False)

        report = self._export(proof={"attacks": {"counted": counted}})
        self.assertEqual(report["evaluations"]["counted"], {"networks": 1})

    def test_files_report_card_and_what_an_application_makes_of_them(self):
        thresholds = SimilarityThresholds(
            pairs=class_pairs(source=_source(), pairs=30), false_accept_rates=(0.2, 0.5)
        )
        report = self._export(
            forms={"saved_model": SavedModelForm(), "int8": Int8(float_io=False)},
            proof={
                "attacks": {"attacked": self._attack},
                "attacked_files": ["int8"],
                "latency": LatencyMeasurement(threads=(1,), warm_up=1, runs=2),
                "memory": True,
                "limits": ParityLimits(worst_cosine=0.9, largest_drops={"recall@1": 0.2}),
            },
            thresholds=thresholds,
            card=ModelCard(intended_use="Tests.", licence="Apache-2.0"),
            name="student",
            beside={"teacher": embedding_network(image_shape=(10, 10, 1))},
            provenance={"command": "train"},
        )
        self.assertEqual(
            sorted(x.name for x in self.folder.iterdir()),
            [
                "export_report.json",
                "int8.tflite",
                "int8.tflite.json",
                "model_card.md",
                "saved_model",
                "saved_model.json",
            ],
        )
        self.assertEqual(json.loads((self.folder / "export_report.json").read_text()), report)
        files, figures = report["files"], report["network"]["figures"]
        self.assertGreater(files["saved_model"]["cosine"]["worst"], 0.99999)
        self.assertBetween(files["int8"]["cosine"]["worst"], 0.98, 0.99999)
        self.assertEqual(files["int8"]["bytes"], (self.folder / "int8.tflite").stat().st_size)
        self.assertEqual(files["saved_model"]["figures"]["retrieval"], figures["retrieval"])
        self.assertNotIn("attacked", files["saved_model"]["figures"])
        self.assertEqual(figures["attacked"], self._attack().evaluate(self.network))
        self.assertLess(files["int8"]["figures"]["attacked"]["recall@1 at 0.1"], 0.9)
        self.assertGreater(files["int8"]["latency"]["1 thread"]["median_ms"], 0.0)
        # On Linux, a few MiB.
        self.assertBetween(files["int8"]["peak_memory"], 100_000, 100_000_000)
        self.assertEqual(list(report["between_files"]), ["saved_model, int8"])
        self.assertAlmostEqual(
            report["between_files"]["saved_model, int8"], files["int8"]["cosine"]["worst"], places=4
        )
        row = report["networks"]["student int8"]
        self.assertEqual(row["file"]["kB"], files["int8"]["bytes"] / 1e3)
        teacher = report["networks"]["teacher"]["file"]
        # 9 * 8 + 8 of the convolution, 4 * 8 of the batch norm, 512 * 4 + 4 of the dense layer.
        self.assertAlmostEqual(teacher["kB"], 4 * (80 + 32 + 2052) / 1e3)
        self.assertGreater(teacher["ms, this process"], 0.0)

        card = (self.folder / "model_card.md").read_text()
        for part in ("Tests.", "Apache-2.0", "| int8.tflite | ", "FastGradientMethod", "A = 1"):
            self.assertIn(part, card)
        metadata = json.loads((self.folder / "int8.tflite.json").read_text())
        self.assertEqual(metadata["provenance"], {"command": "train"})
        with zipfile.ZipFile(self.folder / "int8.tflite") as archive:
            packed = json.loads(archive.read("rtml_tf.json"))
        # A file cannot hold its own digest.
        self.assertEqual(set(metadata) - set(packed), {"file", "bytes", "sha256"})
        self.assertEqual(packed, {key: metadata[key] for key in packed})
        content = (self.folder / "int8.tflite").read_bytes()
        self.assertEqual(files["int8"]["sha256"], hashlib.sha256(content).hexdigest())
        for part in (b"TFLITE_METADATA", b"Intended use: Tests.", b"Apache-2.0"):
            self.assertIn(part, content)
        (self.folder / "int8.tflite.json").unlink()
        self._compare(metadata["thresholds"])

    def _compare(self, thresholds):
        """The example, where there is neither TensorFlow nor this package, on two images."""
        pixels = np.rint(255 * np.stack([_source().load(i).numpy() for i in (0, 8)]))
        for name, image in zip("ab", pixels.astype(np.uint8)):
            Image.fromarray(image).save(self.folder / f"{name}.png")
        endpoints = EmbeddingEndpoints(network=self.network)
        file = Int8().load(endpoints, self.folder / "int8.tflite")
        embeddings = tf.math.l2_normalize(file((pixels / 255).astype(np.float32)), axis=1)
        similarity = float(np.dot(*embeddings.numpy()))
        threshold = {x["false_accept_rate"]: x["threshold"] for x in thresholds}[0.2]
        options, environment = clean_environment(self.folder / "site")
        (self.folder / "a.jpg").write_bytes((self.folder / "a.png").read_bytes()[:-40])

        def run(*arguments):
            return subprocess.run(
                [sys.executable, *options, *arguments],
                env=environment,
                cwd=self.folder,
                capture_output=True,
                text=True,
                check=False,
            )

        self.assertIn("No module named 'tensorflow'", run("-c", "import tensorflow").stderr)
        finished = run(_EXAMPLE, "int8.tflite", "a.jpg", "b.png")
        self.assertEqual(finished.returncode, 2)
        self.assertIn("error: image file is truncated", finished.stderr)
        finished = run(_EXAMPLE, "int8.tflite", "a.png", "b.png")
        self.assertStartsWith(
            finished.stdout,
            f"similarity {similarity:.4f}, threshold {threshold:.4f} (false accept rate 0.2): ",
            finished.stderr,
        )
        self.assertEqual(finished.returncode, int(similarity < threshold))

    def test_a_form_that_is_tuned(self):
        tuning = {"tuned": QuantizationAwareTuning(steps=1)}
        with mock.patch.object(
            QuantizationAwareTuning, "tuned", lambda *_: embedding_network(seed=1)
        ):
            files = self._export(
                forms={"tuned": Float32(), "float32": Float32()},
                proof={"limits": ParityLimits(worst_cosine=-1.0)},
                tuning=tuning,
            )["files"]
        self.assertEqual([file["tuned"] for file in files.values()], [True, False])
        # Another network, measured against the one that is exported.
        self.assertLess(files["tuned"]["cosine"]["mean"], 0.9)
        self.assertGreater(files["float32"]["cosine"]["worst"], 0.99999)

    def test_a_finished_export_is_not_made_again(self):
        first = self._export()
        with mock.patch.object(Float32, "write", side_effect=AssertionError):
            self.assertEqual(self._export(), first)
        other = embedding_network(seed=1)
        self.assertNotEqual(
            self._export(network=other)["files"]["float32"]["sha256"],
            first["files"]["float32"]["sha256"],
        )
        (self.folder / "float32.tflite").write_bytes(b"damaged")
        self.assertEqual(
            self._export(network=other)["files"]["float32"]["bytes"],
            (self.folder / "float32.tflite").stat().st_size,
        )

    def test_an_export_that_is_known_otherwise_since_is_made_again(self):
        self._export(provenance={"unfinished": True})
        report = self._export(provenance={"figures": {"a": (1.0, 2.0)}})
        self.assertEqual(report["provenance"], {"figures": {"a": [1.0, 2.0]}})
        with mock.patch.object(Float32, "write", side_effect=AssertionError):
            self._export(provenance={"figures": {"a": (1.0, 2.0)}})

    def test_images_are_resized_and_cut_as_those_that_are_measured(self):
        """Training cuts at random from larger images, whose centre then gives the ranges."""
        measured, larger = _source(), _source((12, 12, 3))
        measured.resize_to = 9
        with mock.patch.object(Float32, "write", autospec=True, side_effect=Float32.write) as write:
            self._export(source=measured, examples=OrderedBatches(source=larger))
        written = write.call_args.args[3]
        whole = np.stack([larger.load(tf.constant(i)) for i in range(24)])
        self.assertAllEqual(written, whole[:, 2:10, 3:9])
        metadata = json.loads((self.folder / "float32.tflite.json").read_text())
        self.assertEqual(metadata["preprocessing"]["resize_to"], 9)

    def test_a_latency_is_of_one_image(self):
        latency = mock.Mock(spec=LatencyMeasurement, threads=(1,))
        latency.measure.return_value = {"median_ms": 6.0, "p95_ms": 9.0}
        report = self._export(forms={"x": Float32(batch_size=3)}, proof={"latency": latency})
        self.assertEqual(
            report["files"]["x"]["latency"], {"1 thread": {"median_ms": 2.0, "p95_ms": 3.0}}
        )

    def test_a_file_that_is_too_far_off_is_not_kept(self):
        limits = ParityLimits(worst_cosine=0.999999)
        with self.assertRaisesRegex(
            exporting.ExportFailed, r"(?s)int8.tflite: the worst cosine is 0.\d+, below.*report is"
        ):
            self._export(forms={"float32": Float32(), "int8": Int8()}, proof={"limits": limits})
        self.assertEqual(
            sorted(x.name for x in self.folder.iterdir()),
            ["failed_export_report.json", "failed_model_card.md"],
        )
        report = json.loads((self.folder / "failed_export_report.json").read_text())
        self.assertLess(report["files"]["int8"]["cosine"]["worst"], 0.999999)
        self.assertIn("This export failed", (self.folder / "failed_model_card.md").read_text())

    def _content(self):
        return {x.name: x.read_bytes() for x in self.folder.iterdir()}

    def test_an_export_that_fails_leaves_the_earlier_one_and_the_next_replaces_both(self):
        self._export(forms={"float32": Float32()})
        earlier = self._content()
        with self.assertRaises(exporting.ExportFailed):
            self._export(
                forms={"float32": Float32(), "int8": Int8()},
                proof={"limits": ParityLimits(worst_cosine=0.999999)},
                network=embedding_network(seed=1),
            )
        failed = ["failed_export_report.json", "failed_model_card.md"]
        self.assertCountEqual(self._content(), [*earlier, *failed])
        self.assertContainsSubset(earlier, self._content())
        report = self._export(forms={"other": Float32()}, network=embedding_network(seed=1))
        self.assertCountEqual(
            self._content(),
            ["export_report.json", "model_card.md", "other.tflite", "other.tflite.json"],
        )
        self.assertEqual(list(report["files"]), ["other"])

    def test_an_error_leaves_nothing(self):
        def broken(*_):
            raise ValueError("cannot be converted")

        with (
            mock.patch.object(Int8, "write", broken),
            mock.patch.object(RetrievalEvaluation, "evaluate") as measured,
        ):
            with self.assertRaisesRegex(ValueError, "cannot be converted"):
                self._export(forms={"float32": Float32(), "int8": Int8()})
        measured.assert_not_called()
        self.assertEmpty(list(self.folder.iterdir()))

    def test_bad_arguments(self):
        with self.assertRaisesRegex(ValueError, r"takes inputs of shape \(8, 6, 3\)"):
            self._export(source=_source((8, 7, 3)))
        with self.assertRaisesRegex(ValueError, "largest_drops names recal@1.* there are map@r"):
            self._export(proof={"limits": ParityLimits(largest_drops={"recal@1": 0.1})})
        with self.assertRaisesRegex(ValueError, "attacked_files names int8; the files are float32"):
            self._export(proof={"attacked_files": ["int8"]})
        with self.assertRaisesRegex(ValueError, "largest_bytes names int8; the files are float32"):
            self._export(proof={"limits": ParityLimits(largest_bytes={"int8": 1})})
        with self.assertRaisesRegex(ValueError, "tuning names int8; the forms are float32"):
            self._export(tuning={"int8": QuantizationAwareTuning()})
        self.assertFalse(self.folder.exists())
        with self.assertRaisesRegex(ValueError, "num_images must be at least 1, got 0"):
            Proof(held_out=None, num_images=0)
        with self.assertRaisesRegex(ValueError, r"labels must be of one line each, got 'b\\nc'"):
            ModelCard(labels=("a", "b\nc"))


if __name__ == "__main__":
    tf.test.main()
