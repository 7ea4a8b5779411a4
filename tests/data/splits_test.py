"""Tests of splitting a source by class."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.data.source import ImageSource
from rtml_tf.data.splits import class_split, class_split_from_file


class _Classes(ImageSource):
    """Classes `c0`, `c1`, ... where class `n` has `n + 1` examples, in mixed order."""

    image_shape = (1, 1, 1)

    def __init__(self, num_classes: int):
        labels = np.repeat(np.arange(num_classes), np.arange(num_classes) + 1)
        self.labels = np.random.default_rng(0).permutation(labels).astype(np.int32)
        self.class_names = tuple(f"c{number}" for number in range(num_classes))
        self.keys = tuple(f"{label}/{n}" for n, label in enumerate(self.labels))

    def load(self, index: tf.Tensor) -> tf.Tensor:
        return tf.fill(self.image_shape, tf.cast(index, tf.float32))


class ClassSplitTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters(
        (10, {"train": 0.7, "validation": 0.1, "test": 0.2}, (7, 1, 2)),
        # 3.5, 1.75, 1.75: the larger remainders are served first.
        (7, {"train": 0.5, "validation": 0.25, "test": 0.25}, (3, 2, 2)),
        # 3.33 each: of equal remainders the first.
        (10, {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}, (4, 3, 3)),
        # 0.29 * 100 is 28.999999999999996 in floating point.
        (100, {"a": 0.29, "b": 0.71}, (29, 71)),
        (5, {"all": 1.0}, (5,)),
    )
    def test_parts_have_their_sizes_and_make_up_the_whole(self, num_classes, fractions, sizes):
        source = _Classes(num_classes)
        parts = [class_split(source=source, part=part, fractions=fractions) for part in fractions]
        self.assertEqual(tuple(part.num_classes for part in parts), sizes)
        self.assertCountEqual(sum((part.class_names for part in parts), ()), source.class_names)
        self.assertCountEqual(sum((part.keys for part in parts), ()), source.keys)
        for part in parts:
            names = [part.class_names[label] for label in part.labels]
            self.assertEqual(names, [f"c{key.split('/')[0]}" for key in part.keys])
            positions = [source.keys.index(key) for key in part.keys]
            self.assertEqual(positions, sorted(positions))

    def test_the_seed_decides(self):
        source = _Classes(20)

        def names(seed: int) -> tuple[str, ...]:
            fractions = {"a": 0.5, "b": 0.5}
            return class_split(source=source, part="a", fractions=fractions, seed=seed).class_names

        self.assertEqual(names(3), names(3))
        self.assertLen({names(seed) for seed in range(20)}, 20)

    def test_the_order_of_the_fractions_does_not_matter(self):
        fractions = {"train": 0.5, "validation": 0.2, "test": 0.3}
        for part in fractions:
            names = [
                class_split(source=_Classes(20), part=part, fractions=dict(order)).class_names
                for order in (fractions.items(), sorted(fractions.items()))
            ]
            self.assertEqual(*names)

    def test_a_split_never_changes(self):
        """Recorded: published figures hold for this split only."""
        part = class_split(source=_Classes(8), part="a", fractions={"a": 0.5, "b": 0.5}, seed=1)
        self.assertEqual(part.class_names, ("c0", "c1", "c2", "c4"))

    @parameterized.parameters(
        ("train", {"a": 1.0}, 0, r"part must be one of \['a'\], got 'train'"),
        ("a", {"a": 0.5, "b": 0.4}, 0, "must sum to 1, .* which sum to 0.9"),
        ("a", {"a": 1.5, "b": -0.5}, 0, r"fractions must lie in \(0, 1\]"),
        ("a", {"a": 0.9, "b": 0.1}, 0, "Part 'b' would get none of the 4 classes"),
        ("a", {"a": 1.0}, -1, "seed must be >= 0, got -1"),
    )
    def test_refuses(self, part, fractions, seed, message):
        with self.assertRaisesRegex(ValueError, message):
            class_split(source=_Classes(4), part=part, fractions=fractions, seed=seed)


class ClassSplitFromFileTest(tf.test.TestCase):
    def _part(self, text: str) -> ImageSource:
        file = self.create_tempfile(content=text).full_path
        return class_split_from_file(source=_Classes(12), file=file)

    def test_takes_the_named_classes(self):
        part = self._part("# held out\nc3\n\n  c1  \n")
        self.assertEqual(part.class_names, ("c1", "c3"))
        self.assertLen(part, 2 + 4)

    def test_an_unknown_class_is_named_with_the_nearest(self):
        with self.assertRaisesRegex(ValueError, "line 2: unknown class 'c.11', did you mean 'c11'"):
            self._part("c1\nc.11\n")

    def test_a_repeated_class_is_named_with_both_lines(self):
        with self.assertRaisesRegex(ValueError, "line 3: 'c1' is on line 1 already"):
            self._part("c1\nc2\nc1\n")

    def test_refuses_a_missing_or_empty_file(self):
        with self.assertRaisesRegex(ValueError, "names no class"):
            self._part("# nothing\n")
        with self.assertRaisesRegex(ValueError, "must be an existing file .*'no.txt'"):
            class_split_from_file(source=_Classes(2), file="no.txt")


if __name__ == "__main__":
    tf.test.main()
