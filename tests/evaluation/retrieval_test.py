"""Tests of the retrieval figures."""

import pathlib

import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized
from sklearn import neighbors
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from rtml_tf.data.source import ImageSource
from rtml_tf.evaluation import retrieval


def _loop_reference(queries, labels, gallery, gallery_labels, own_index, recall_at):
    """The definitions of Musgrave et al. 2020, one query at a time, on scikit-learn's ranking."""
    ranking = neighbors.NearestNeighbors(algorithm="brute", metric="cosine").fit(gallery)
    ranking = ranking.kneighbors(queries, len(gallery), return_distance=False)
    figures = {f"recall@{k}": [] for k in recall_at} | {"map@r": [], "r_precision": []}
    for query, label in enumerate(labels):
        correct = [gallery_labels[i] == label for i in ranking[query] if i != own_index[query]]
        r = sum(correct)
        if r == 0:
            continue
        for k in recall_at:
            figures[f"recall@{k}"].append(any(correct[:k]))
        precision = [sum(correct[: i + 1]) / (i + 1) for i in range(r)]
        figures["r_precision"].append(precision[-1])
        figures["map@r"].append(sum(p for p, c in zip(precision, correct) if c) / r)
    return {name: np.mean(values) for name, values in figures.items()}, len(figures["map@r"])


def _clustered(generator, sizes, dimensions=6):
    """Embeddings around one centre a class, overlapping, of different lengths."""
    labels = np.repeat(np.arange(len(sizes)), sizes)
    centres = generator.normal(size=(len(sizes), dimensions))
    embeddings = centres[labels] + generator.normal(size=(len(labels), dimensions))
    order = generator.permutation(len(labels))
    return embeddings[order] * generator.uniform(0.1, 10, (len(labels), 1)), labels[order]


class RetrievalFiguresTest(parameterized.TestCase):
    @parameterized.parameters(1, 999, 2**24)
    def test_equals_the_definitions_in_loops(self, block_size):
        embeddings, labels = _clustered(np.random.default_rng(1), [1, 1, 2, 3, 9, 30, 31])
        expected, queries = _loop_reference(
            embeddings, labels, embeddings, labels, np.arange(len(labels)), (1, 2, 4, 8)
        )

        figures = retrieval.retrieval_figures(embeddings, labels, nmi=False, block_size=block_size)

        self.assertEqual(figures.pop("query_share"), queries / 77)
        self.assertEqual(figures.keys(), expected.keys())
        for name, value in expected.items():
            self.assertAlmostEqual(figures[name], value, places=6, msg=name)

    def test_equals_the_definitions_with_a_gallery_that_has_some_of_the_queries(self):
        generator = np.random.default_rng(2)
        gallery, gallery_labels = _clustered(generator, [4, 1, 12, 20])
        own_index = np.array([3, 5, 8, 36, -1, -1, -1])
        labels = np.concatenate([gallery_labels[own_index[:4]], [0, 2, 9]])
        queries = np.concatenate([gallery[own_index[:4]] + 0.1, generator.normal(size=(3, 6))])
        expected, answered = _loop_reference(
            queries, labels, gallery, gallery_labels, own_index, (1, 3)
        )

        figures = retrieval.retrieval_figures(
            queries,
            labels,
            gallery_embeddings=gallery,
            gallery_labels=gallery_labels,
            own_index=own_index,
            recall_at=(1, 3),
            nmi=False,
        )

        self.assertEqual(figures.pop("query_share"), answered / 7)
        for name, value in expected.items():
            self.assertAlmostEqual(figures[name], value, places=6, msg=name)

    def test_figures_of_a_ranking_known_by_hand(self):
        """By hand: R = 10, and only the first and the last of ten retrieved are correct, so that
        R-precision is 2/10 and MAP@R (1/1 + 2/10) / 10."""
        correct = [True] + [False] * 8 + [True] + [True] * 8
        angles = np.linspace(0.1, 1.0, len(correct))
        figures = retrieval.retrieval_figures(
            np.array([[1.0, 0.0]]),
            np.array([7]),
            gallery_embeddings=np.stack([np.cos(angles), np.sin(angles)], axis=1),
            gallery_labels=np.where(correct, 7, 3),
            nmi=False,
        )

        self.assertEqual(figures["recall@1"], 1.0)
        self.assertAlmostEqual(figures["r_precision"], 0.2)
        self.assertAlmostEqual(figures["map@r"], 0.12)

    def test_perfect_classes_give_one_everywhere(self):
        labels = np.repeat([5, -3, 40], [3, 2, 6])
        embeddings = np.eye(4)[np.unique(labels, return_inverse=True)[1]]

        figures = retrieval.retrieval_figures(embeddings, labels)

        self.assertLen(figures, 8)
        for name, value in figures.items():
            self.assertAlmostEqual(value, 1.0, msg=name)

    def test_does_not_depend_on_the_order_of_images_and_classes(self):
        embeddings, labels = _clustered(np.random.default_rng(3), [5, 8, 2, 11])
        order = np.random.default_rng(4).permutation(len(labels))
        names = np.array([30, -1, 2, 7])

        first = retrieval.retrieval_figures(embeddings, labels, nmi=False)
        second = retrieval.retrieval_figures(embeddings[order], names[labels][order], nmi=False)

        for name, value in first.items():
            self.assertAlmostEqual(value, second[name], msg=name)

    def test_equal_images_of_two_classes_are_ranked_by_index(self):
        """By hand: the rankings of the other labels are 101, 001, 011 and 010, so that the first
        right one is second, third, first and second."""
        figures = retrieval.retrieval_figures(
            np.ones((4, 2)), np.array([0, 1, 0, 1]), recall_at=(1, 2, 3, 100), nmi=False
        )

        self.assertEqual(figures["recall@1"], 1 / 4)
        self.assertEqual(figures["recall@2"], 3 / 4)
        self.assertEqual(figures["recall@3"], 4 / 4)
        self.assertEqual(figures["recall@100"], 1.0)

    def test_vectors_of_any_finite_length_are_accepted(self):
        embeddings, labels = _clustered(np.random.default_rng(5), [4, 4])
        expected = retrieval.retrieval_figures(embeddings, labels, nmi=False)
        for scale in (1e-25, 1e30):
            figures = retrieval.retrieval_figures(scale * embeddings, labels, nmi=False)
            self.assertEqual(figures, expected)

    def test_bad_arguments_are_named(self):
        embeddings, labels = np.eye(4), np.array([0, 0, 1, 1])
        cases = [
            ((embeddings, labels[:3]), {}, "labels must have one entry for each of 4 embeddings"),
            ((embeddings[0], labels), {}, r"non-empty matrix \[N, D\], got an array of shape \(4,"),
            ((embeddings[:0], labels[:0]), {}, "embeddings must be a non-empty matrix"),
            ((embeddings * [[1], [1], [np.nan], [1]], labels), {}, "1 of 4 rows .* at row 2"),
            ((embeddings, np.arange(4)), {}, "none of 4 queries has another image of its class"),
            ((embeddings, labels), {"recall_at": (0, 1)}, r"at least 1, got \(0, 1\)"),
            ((embeddings, labels), {"recall_at": (1, 2, 1)}, r"different .*, got \(1, 2, 1\)"),
            ((embeddings, labels), {"gallery_labels": labels}, "must be given together"),
            ((embeddings, labels), {"own_index": labels}, "own_index must come with gallery"),
        ]
        for arguments, options, message in cases:
            with self.subTest(message), self.assertRaisesRegex(ValueError, message):
                retrieval.retrieval_figures(*arguments, **options)

    def test_own_index_of_another_class_is_refused(self):
        with self.assertRaisesRegex(ValueError, "query 1 has label 0 and gallery image 2 has"):
            retrieval.retrieval_figures(
                np.eye(4),
                np.array([0, 0, 1, 1]),
                gallery_embeddings=np.eye(4),
                gallery_labels=np.array([0, 0, 1, 1]),
                own_index=np.array([0, 2, 1, 3]),
            )


class _Colours(ImageSource):
    """1x1 images whose colour is the class, but for one."""

    def __init__(self, labels, colours):
        self.labels = np.array(labels, np.int32)
        self.class_names = tuple(f"class {label}" for label in range(max(labels) + 1))
        self.keys = tuple(map(str, range(len(labels))))
        self.image_shape = (1, 1, 3)
        self._colours = np.eye(3, dtype=np.float32)[colours][:, None, None]

    def load(self, index):
        return tf.ensure_shape(tf.gather(self._colours, index), self.image_shape)


class RetrievalEvaluationTest(absltest.TestCase):
    def test_evaluates_a_network_on_a_source(self):
        """By hand: four images look the same, and the odd one of class 0 is the first of them, so
        that all four find the wrong class first; only the other two find each other."""
        source = _Colours([0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 1, 1])
        network = tf.keras.Sequential([tf.keras.layers.Flatten(input_shape=(1, 1, 3))])
        evaluation = retrieval.RetrievalEvaluation(source=source, batch_size=4, recall_at=(1, 5))

        figures = evaluation.evaluate(network)

        self.assertEqual(tuple(figures), evaluation.figure_names)
        self.assertAlmostEqual(figures["recall@1"], 2 / 6)
        self.assertEqual(figures["recall@5"], 1.0)

    def test_a_limit_evaluates_fewer_images_and_the_same_ones_each_time(self):
        source = _Colours([0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 1])
        first = retrieval.RetrievalEvaluation(source=source, limit=4, seed=3).source
        second = retrieval.RetrievalEvaluation(source=source, limit=4, seed=3).source
        self.assertLen(first, 4)
        self.assertEqual(first.keys, second.keys)

    def test_the_density_stands_beside_the_retrieval(self):
        source = _Colours([0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 1, 1])
        network = tf.keras.Sequential([tf.keras.layers.Flatten(input_shape=(1, 1, 3))])
        evaluation = retrieval.RetrievalEvaluation(source=source)
        figures = evaluation.evaluate(network)
        # Two of the three pairs of the first class are at right angles, none of the other.
        self.assertAlmostEqual(figures["intra_distance"], (2 / 3 + 0) / 2, places=6)
        self.assertEqual(evaluation.describe()["uniformity_images"], 6)

        without = retrieval.RetrievalEvaluation(source=source, density=False)
        figures = without.evaluate(network)
        self.assertEqual(tuple(figures), without.figure_names)
        self.assertNotIn("rho", figures)
        self.assertNotIn("uniformity_images", without.describe())

    def test_the_spectrum_is_a_file_and_in_tensorboard(self):
        source = _Colours([0, 0, 1, 1], [0, 1, 1, 1])
        network = tf.keras.Sequential([tf.keras.layers.Flatten(input_shape=(1, 1, 3))])
        for density, files in ((True, ["tensorboard", "unseen_classes_spectrum.png"]), (False, [])):
            evaluation = retrieval.RetrievalEvaluation(source=source, density=density)
            folder = pathlib.Path(self.create_tempdir().full_path)
            evaluation.plot(evaluation.evaluate(network), folder, "unseen classes")
            self.assertEqual(sorted(file.name for file in folder.iterdir()), files)
            if density:
                events = EventAccumulator(str(folder / "tensorboard"))
                events.Reload()
                self.assertIn("evaluation/unseen classes spectrum", events.Tags()["tensors"])

    def test_one_class_has_no_density(self):
        source = _Colours([0, 0], [0, 1])
        with self.assertRaisesRegex(ValueError, "at least two classes, got one; .*density=False"):
            retrieval.RetrievalEvaluation(source=source)
        retrieval.RetrievalEvaluation(source=source, density=False)

    def test_a_source_without_any_pair_is_refused_at_once(self):
        with self.assertRaisesRegex(ValueError, "at least two images, got 2 classes"):
            retrieval.RetrievalEvaluation(source=_Colours([0, 1], [0, 1]))


if __name__ == "__main__":
    absltest.main()
