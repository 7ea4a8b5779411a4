"""Tests of the LFW layout, its pairs file and who is left to train on."""

import os

import numpy as np
from absl.testing import absltest, parameterized
from PIL import Image

from rtml_tf.data import lfw, lfw_pairs_file, pair_set
from rtml_tf.data.image_folder import ImageFolder

# Two folds with two pairs of each kind; nobody is in both.
_PAIRS = """2\t2
A_A\t1\t2
B\t3\t1
A_A\t1\tB\t1
C\t1\tB\t3
D\t1\t2
D\t2\t3
D\t1\tE\t1
E\t1\tF\t1
"""
_IMAGES = {"A_A": 2, "B": 3, "C": 1, "D": 3, "E": 1, "F": 2, "G": 1, "H": 2}


class LfwTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.root = self.create_tempdir().full_path
        for person, count in _IMAGES.items():
            os.mkdir(os.path.join(self.root, person))
            for number in range(1, count + 1):
                file = os.path.join(self.root, person, f"{person}_{number:04d}.jpg")
                Image.new("L", (4, 4), 10 * number).save(file)

    def _file(self, text):
        return self.create_tempfile(content=text).full_path

    def _source(self):
        return ImageFolder(root=self.root, image_size=(4, 4), channels=1)

    def test_reads_pairs_with_folds_and_people(self):
        pairs = lfw.lfw_pairs(source=self._source(), file=self._file(_PAIRS))

        names = [
            (pairs.images.keys[left], pairs.images.keys[right])
            for left, right in zip(pairs.left, pairs.right)
        ]
        self.assertEqual(names[1], ("B/B_0003.jpg", "B/B_0001.jpg"))
        self.assertEqual(names[7], ("E/E_0001.jpg", "F/F_0001.jpg"))
        np.testing.assert_array_equal(pairs.same, [True, True, False, False] * 2)
        np.testing.assert_array_equal(pairs.fold, [0] * 4 + [1] * 4)
        self.assertLen(pairs.images, 10)  # each image once; B_0002 and F_0002 are in no pair
        for key, person in zip(pairs.images.keys, pairs.people):
            self.assertStartsWith(key, person + "/")
        self.assertAlmostEqual(float(pairs.images.load(pairs.left[1])[0, 0, 0]), 30 / 255)

    def test_one_fold_can_be_taken(self):
        pairs = lfw.lfw_pairs(source=self._source(), file=self._file(_PAIRS), folds=(1,))
        self.assertEqual(set(pairs.people), {"D", "E", "F"})
        self.assertEqual(set(pairs.fold), {1})

    def test_people_of_the_test_folds_are_not_left_to_train_on(self):
        file = self._file(_PAIRS)
        training = lfw.lfw_training_people(source=self._source(), file=file, test_folds=(0,))
        self.assertEqual(training.class_names, ("D", "F", "H"))
        self.assertLen(training, 7)
        pair_set.check_disjoint(
            pairs=lfw.lfw_pairs(source=self._source(), file=file, folds=(0,)), training=training
        )
        with self.assertRaisesRegex(ValueError, "share 2 people: D, F"):
            pair_set.check_disjoint(
                pairs=lfw.lfw_pairs(source=self._source(), file=file), training=training
            )

    def test_people_with_one_image_can_be_kept(self):
        training = lfw.lfw_training_people(
            source=self._source(), file=self._file(_PAIRS), test_folds=(0, 1), min_images=1
        )
        self.assertEqual(training.class_names, ("G", "H"))

    def test_nobody_left_is_an_error(self):
        with self.assertRaisesRegex(ValueError, r"none of 8 people .* test folds \[0, 1\]"):
            lfw.lfw_training_people(
                source=self._source(), file=self._file(_PAIRS), test_folds=(0, 1), min_images=3
            )

    def test_people_need_an_image(self):
        with self.assertRaisesRegex(ValueError, "min_images must be at least 1, got 0"):
            lfw.lfw_training_people(
                source=self._source(), file=self._file(_PAIRS), test_folds=(0,), min_images=0
            )

    @parameterized.parameters((2,), (-1,))
    def test_folds_that_are_not_in_the_file_are_refused(self, fold):
        with self.assertRaisesRegex(ValueError, rf"some of \[0, 1\], .* got \({fold},\)"):
            lfw.lfw_pairs(source=self._source(), file=self._file(_PAIRS), folds=(fold,))
        with self.assertRaisesRegex(ValueError, "test_folds must be some"):
            lfw.lfw_training_people(
                source=self._source(), file=self._file(_PAIRS), test_folds=(fold,)
            )

    def test_a_missing_image_is_named_with_its_line(self):
        file = self._file(_PAIRS.replace("D\t2\t3", "D\t2\t4"))
        with self.assertRaisesRegex(ValueError, "line 7: there is no image D/D_0004 among the 15"):
            lfw.lfw_pairs(source=self._source(), file=file)


class ReadLfwPairsTest(parameterized.TestCase):
    def _read(self, text):
        return lfw_pairs_file.read_lfw_pairs(self.create_tempfile(content=text).full_path)

    def test_one_number_is_one_fold(self):
        """The format of LFW's view 1, pairsDevTrain.txt."""
        pairs = self._read("1\nA\t1\t2\nA\t1\tB\t1\n")
        self.assertEqual([pair.fold for pair in pairs], [0, 0])
        self.assertEqual([pair.line for pair in pairs], [2, 3])
        self.assertEqual([pair.same for pair in pairs], [True, False])

    @parameterized.parameters(
        ("1\t1\nA\t1\t2\nA\t1\tB\n", "line 3: expected 'name number name number', got 'A 1 B'"),
        ("1\t1\nA\t1\tA\t2\nA\t1\tB\t2\n", "line 2: expected 'name number number', got 'A 1 A 2'"),
        ("1\t1\nA\t1\tx\nA\t1\tB\t2\n", "line 2: expected image numbers, got 'A 1 x'"),
        ("1\t1\nA\t1\t1\nA\t1\tB\t2\n", "line 2: expected two images of one person, got 'A 1 1'"),
        ("1\t1\nA\t1\t2\nA\t1\tA\t2\n", "line 3: expected two different people, got 'A 1 A 2'"),
        ("1\t1\nA\t1\t2\n\n\n", "line 3: expected a pair, got none; .* 3 lines .* has 2"),
        (
            "1\t1\nA\t1\t2\nA\t1\tB\t1\nA\t2\tB\t1\n",
            "line 4: expected the end of the file, got 'A 2 B 1'; .* for 3 lines .* file has 4",
        ),
        (
            "1\t1\nA\t1\t2\n\nA\t1\tB\t1\n",
            "line 3: expected 'name number name number', got ''; .* for 3 lines .* file has 4",
        ),
        ("", "line 1: expected the number of folds .* got ''"),
        ("A\t1\t2\n", "line 1: expected the number of folds .* got 'A 1 2'"),
        ("0\t5\n", "line 1: expected the number of folds .* got '0 5'"),
    )
    def test_malformed_files_are_refused_with_the_line(self, text, message):
        with self.assertRaisesRegex(ValueError, message):
            self._read(text)

    def test_a_line_that_is_not_in_utf_8_is_named(self):
        file = self.create_tempfile(content="1\t1\nA\t1\t2\nA\t1\t").full_path
        with open(file, "ab") as stream:
            stream.write("André\t1\n".encode("latin-1"))
        with self.assertRaisesRegex(ValueError, r"line 3: expected text in UTF-8, got b'.*\\xe9"):
            lfw_pairs_file.read_lfw_pairs(file)

    def test_a_missing_file_is_named(self):
        with self.assertRaisesRegex(ValueError, "existing pairs file, got 'nowhere/pairs.txt'"):
            lfw_pairs_file.read_lfw_pairs("nowhere/pairs.txt")


if __name__ == "__main__":
    absltest.main()
