"""Tests of approximate search: with a stand-in for faiss, and with faiss where it is installed."""

import importlib.util
import sys
import types
import unittest
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import absltest

from rtml_tf.data.array_source import ArraySource
from rtml_tf.evaluation.approximate_neighbours import ApproximateSearch
from rtml_tf.evaluation.neighbours import nearest_neighbours
from rtml_tf.evaluation.retrieval import RetrievalEvaluation, retrieval_figures


class _EvenImages:
    """An index that has lost every other image of the gallery."""

    def train(self, gallery):
        self.trained = len(gallery)

    def add(self, gallery):
        assert self.trained == len(gallery)
        self.gallery = gallery

    def search(self, queries, count):
        similarities = queries @ self.gallery[::2].T
        found = 2 * np.argsort(-similarities, axis=1, kind="stable")[:, :count]
        missing = [(0, 0), (0, count - found.shape[1])]
        return None, np.pad(found.astype(np.int64), missing, constant_values=-1)


def _factory(size, description, metric):
    if size != 4 or metric != "inner product" or description == "Nope":
        raise RuntimeError("Error in index_factory\n'x' failed: could not parse index string")
    return _EvenImages()


_FAISS = types.SimpleNamespace(
    METRIC_INNER_PRODUCT="inner product",
    index_factory=_factory,
    ParameterSpace=lambda: types.SimpleNamespace(set_index_parameters=lambda *_: None),
)


def _search(**kwargs):
    with mock.patch.dict(sys.modules, {"faiss": _FAISS}):
        return ApproximateSearch(**kwargs)


def _table(blocks):
    return {row: line.tolist() for rows, lines in blocks for row, line in zip(rows, lines)}


def _unit(*shape):
    vectors = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


class ApproximateSearchTest(absltest.TestCase):
    def test_finds_what_the_index_has_without_the_query_itself(self):
        gallery = np.eye(4, dtype=np.float32)
        search = _search()
        counts = np.array([1, 3, 3, 2])
        found = _table(search(gallery, gallery, counts, own_index=np.arange(4)))
        found = [found[row][:count] for row, count in enumerate(counts)]
        # The index has images 0 and 2; all others are equally similar: by index.
        self.assertEqual(found, [[2], [0, 2, -1], [0, -1, -1], [0, 2]])

    def test_the_recall_of_the_exact_neighbours_is_counted(self):
        gallery = _unit(60, 4)
        queries = _unit(7, 4)
        counts = np.array([5, 1, 3, 8, 2, 2, 4])
        search = _search(checked_queries=7)
        self.assertIsNone(search.describe()["recall_of_exact"])
        list(search(queries, gallery, counts))
        exact = _table(nearest_neighbours(queries, gallery, counts))
        found = [n % 2 == 0 for row, line in exact.items() for n in line[: counts[row]]]
        self.assertLen(found, 25)
        self.assertBetween(np.mean(found), 0.2, 0.8)
        self.assertAlmostEqual(search.describe()["recall_of_exact"], np.mean(found))

    def test_figures_take_what_is_not_found_for_wrong(self):
        """Images 0 and 2 of class 0 find each other; those of class 1 are not in the index."""
        embeddings = np.eye(4, dtype=np.float32)[[0, 1, 0, 1]]
        labels = np.array([0, 1, 0, 1])
        figures = retrieval_figures(
            embeddings, labels, recall_at=(1,), nmi=False, search=_search(checked_queries=1)
        )
        self.assertEqual(figures["recall@1"], 0.5)

    def test_an_evaluation_says_how_much_was_found(self):
        source = ArraySource(
            keys=["a", "b", "c", "d"],
            array=np.eye(4, dtype=np.float32)[[0, 1, 0, 1]],
            labels=[0, 1, 0, 1],
        )
        evaluation = RetrievalEvaluation(
            source=source, recall_at=(1,), nmi=False, density=False, search=_search()
        )
        descriptor = tf.keras.Input([4])
        network = tf.keras.Model(descriptor, tf.keras.layers.Activation("linear")(descriptor))
        self.assertEqual(evaluation.evaluate(network)["recall@1"], 0.5)
        described = evaluation.describe()["search"]
        self.assertEqual((described["index"], described["recall_of_exact"]), ("IVF1024,Flat", 0.5))

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "checked_queries must be at least 1, got 0"):
            _search(checked_queries=0)
        with self.assertRaisesRegex(ValueError, "index 'Nope' .* of 9 embeddings .* not parse ind"):
            list(_search(index="Nope")(_unit(2, 4), _unit(9, 4), np.array([1, 1])))
        with mock.patch.dict(sys.modules, {"faiss": None}):
            with self.assertRaisesRegex(ValueError, "not installed .*pip install faiss-cpu"):
                ApproximateSearch()

    @unittest.skipUnless(importlib.util.find_spec("faiss"), "faiss is not installed")
    def test_with_faiss(self):
        gallery = _unit(2000, 4)
        counts = np.full(2000, 5)
        recalls = []
        for probes in (1, 16):
            search = ApproximateSearch(index="IVF16,Flat", parameters=f"nprobe={probes}")
            found = _table(search(gallery, gallery, counts, own_index=np.arange(2000)))
            recalls.append(search.recall)
        self.assertBetween(recalls[0], 0.5, 0.98)
        self.assertGreater(recalls[1], 0.999)  # All cells: equal but for rounding.
        exact = _table(nearest_neighbours(gallery, gallery, counts, own_index=np.arange(2000)))
        self.assertGreater(np.mean([found[row] == exact[row] for row in range(2000)]), 0.99)
        with self.assertRaisesRegex(ValueError, "cannot make the index 'IVF16,Fla' .*could not pa"):
            list(ApproximateSearch(index="IVF16,Fla")(gallery, gallery, counts))
        with self.assertRaisesRegex(ValueError, "IVF16,Flat' with 'nprobes=3'"):
            list(
                ApproximateSearch(index="IVF16,Flat", parameters="nprobes=3")(
                    gallery, gallery, counts
                )
            )
        with self.assertRaisesRegex(ValueError, "IVF3000,Flat'.* of 2000 embeddings"):
            list(ApproximateSearch(index="IVF3000,Flat")(gallery, gallery, counts))


if __name__ == "__main__":
    absltest.main()
