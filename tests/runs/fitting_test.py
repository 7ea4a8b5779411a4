"""Tests of a whole run of a classical method."""

import pathlib
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import absltest

from rtml_tf.classical.dama import DAMA
from rtml_tf.classical.pca_lda import PCALDA
from rtml_tf.data.array_source import ArraySource
from rtml_tf.data.batches import OrderedBatches
from rtml_tf.data.image_view import ImageView
from rtml_tf.data.paired import PairedSource
from rtml_tf.data.viewed_source import ViewedSource
from rtml_tf.evaluation.retrieval import RetrievalEvaluation
from rtml_tf.networks.raw_pixels import raw_pixels
from rtml_tf.networks.saving import load_network
from rtml_tf.networks.view_network import view_network
from rtml_tf.runs.fitting import fit
from rtml_tf.runs.report import closing_report
from rtml_tf.runs.run_folder import RunFolderError

_CLASSES = np.repeat(np.arange(6), 8)


class _Unreadable(ArraySource):
    """Examples that must not be loaded."""

    def load(self, index):
        raise NotImplementedError("these examples are not to be loaded.")


def _images():
    """Noise, in which each class has a pattern of its own."""
    rng = np.random.default_rng(0)
    patterns = rng.uniform(size=[6, 6, 6, 1])[_CLASSES]
    return ArraySource(
        keys=[str(number) for number in range(48)],
        array=0.5 * patterns + rng.uniform(0.0, 0.5, size=[48, 6, 6, 1]),
        labels=_CLASSES,
    )


class FittingTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path, "run")
        self.images = _images()
        self.view = ImageView(image_size=(4, 4))
        self.small = ViewedSource(source=self.images, view=self.view)

    def _arguments(self, **changes):
        return {
            "run_dir": str(self.folder),
            "method": PCALDA(embedding_size=3, components=8),
            "pairs": PairedSource(source=self.images, target=self.small, labelled_examples=0.75),
            "evaluations": {"small images": RetrievalEvaluation(source=self.small, nmi=False)},
            "baselines": {"raw pixels": raw_pixels(input_shape=(4, 4, 1))},
            "describe_config": lambda: "seed = 1\n",
        } | changes

    def test_a_run_leaves_its_folder(self):
        metrics = fit(**self._arguments())

        figures = {name: f["small images"]["recall@1"] for name, f in metrics["networks"].items()}
        self.assertEqual(list(figures), ["raw pixels", "trained"])
        self.assertGreater(figures["trained"], figures["raw pixels"])
        network = load_network(self.folder / "network.keras")
        self.assertEqual(network.input_shape, (None, 4, 4, 1))
        again = RetrievalEvaluation(source=self.small, nmi=False).evaluate(network)
        self.assertAllClose(metrics["networks"]["trained"]["small images"], again)
        self.assertEqual(metrics["training"]["steps"], 0)
        self.assertRegex(closing_report(metrics, "runs/x"), "trained: fitted in .* s, in runs/x")

    def test_source_target_and_labels_are_those_of_the_pairs(self):
        """Reference: the method itself on arrays that were put together here."""
        embeddings = np.random.default_rng(1).normal(size=[48, 5])[::-1]
        source = ArraySource(keys=self.images.keys[::-1], array=embeddings)
        pairs = PairedSource(source=source, target=self.small, labelled_examples=0.75, seed=2)
        self.assertBetween(np.count_nonzero(pairs.labels < 0), 1, 47)
        method = DAMA(embedding_size=4)
        fit(**self._arguments(method=method, pairs=pairs))

        batches = OrderedBatches(source=self.small, batch_size=48).dataset()
        targets = next(batches.as_numpy_iterator())["image"]
        expected = method.fit(source=embeddings, target=targets[::-1], labels=pairs.labels)(targets)
        network = load_network(self.folder / "network.keras")
        self.assertAllClose(network(targets), expected, atol=1e-5)

    def test_with_the_view_in_front_the_network_takes_images(self):
        on_images = {"images": RetrievalEvaluation(source=self.images, nmi=False)}
        of_view = fit(**self._arguments())["networks"]["trained"]["small images"]
        self.folder = self.folder.with_name("with view")
        metrics = fit(
            **self._arguments(
                view=view_network(view=self.view, input_shape=(6, 6, 1)),
                evaluations=on_images,
                baselines={},
            )
        )
        self.assertAllClose(metrics["networks"]["trained"]["images"], of_view)

    def test_a_finished_run_is_only_shown_again(self):
        first = fit(**self._arguments())
        written = (self.folder / "network.keras").stat().st_mtime_ns
        self.assertEqual(fit(**self._arguments()), first)
        self.assertEqual((self.folder / "network.keras").stat().st_mtime_ns, written)
        with self.assertRaisesRegex(RunFolderError, "another configuration"):
            fit(**self._arguments(describe_config=lambda: "seed = 2\n"))

    def test_a_source_that_the_method_does_not_use_is_not_read(self):
        source = _Unreadable(keys=self.images.keys, array=np.ones([48, 2]), labels=_CLASSES)
        pairs = PairedSource(source=source, target=self.small)
        self.assertIsNotNone(fit(**self._arguments(pairs=pairs)))

    def test_a_dry_run_writes_nothing(self):
        self.assertIsNone(fit(**self._arguments(dry_run=True)))
        self.assertFalse(self.folder.exists())

    def test_mistakes_are_found_before_the_run_starts(self):
        unlabelled = PairedSource(source=self.images, target=self.small, labelled_classes=0.0)
        with self.assertRaisesRegex(ValueError, "PCALDA needs labelled examples"):
            fit(**self._arguments(pairs=unlabelled))
        whole = view_network(view=ImageView(), input_shape=(6, 6, 1))
        with self.assertRaisesRegex(ValueError, r"shape \(4, 4, 1\), got .* \(6, 6, 1\)"):
            fit(**self._arguments(view=whole))
        on_images = {"images": RetrievalEvaluation(source=self.images, nmi=False)}
        with self.assertRaisesRegex(ValueError, r"\['images'\] does not fit: .*\(4, 4, 1"):
            fit(**self._arguments(evaluations=on_images))
        self.assertFalse(self.folder.exists())

    def test_baselines_are_evaluated_after_the_fit_and_none_twice(self):
        """The fit finds what is wrong with the examples; its own figures come last."""
        evaluation = RetrievalEvaluation(source=self.small, nmi=False)
        calls = []

        def fails_at(call):
            def evaluate(network):
                calls.append(network.name)
                if len(calls) == call:
                    raise OSError("the disk is full.")
                return evaluation.evaluate(network)

            stub = mock.Mock(spec=["evaluate"])
            stub.evaluate = evaluate
            return stub

        arguments = self._arguments(evaluations={"a": evaluation, "b": fails_at(1)})
        with self.assertRaisesRegex(ValueError, "components must be at most"):
            fit(**arguments | {"method": PCALDA(components=17)})
        self.assertEmpty(calls)
        with self.assertRaisesRegex(OSError, "disk is full"):
            fit(**arguments)
        with mock.patch.object(evaluation, "evaluate", wraps=evaluation.evaluate) as again:
            fit(**arguments)
        self.assertLen(calls, 3)  # The baseline, the baseline again, the fitted network.
        self.assertEqual(again.call_count, 3)  # From b twice, and of the fitted network.


if __name__ == "__main__":
    absltest.main()
