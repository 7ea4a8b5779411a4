"""Tests of InsightFace's verification sets."""

import io
import os
import pickle

import numpy as np
from absl.testing import absltest, parameterized
from PIL import Image

from rtml_tf.data import insightface_pairs


def _encoded(colour, kind="JPEG"):
    stream = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(stream, kind, quality=95)
    return stream.getvalue()


class InsightfacePairsTest(parameterized.TestCase):
    def _file(self, value, protocol=pickle.HIGHEST_PROTOCOL):
        contents = value if isinstance(value, bytes) else pickle.dumps(value, protocol)
        return self.create_tempfile(content=contents, mode="wb").full_path

    @parameterized.parameters(2, pickle.HIGHEST_PROTOCOL)
    def test_reads_pairs_and_keeps_each_image_once(self, protocol):
        red, blue, grey = _encoded((255, 0, 0)), _encoded((0, 0, 255), "PNG"), _encoded((9, 9, 9))
        file = self._file(([red, blue, blue, grey, red, grey], [False, np.True_, False]), protocol)

        pairs = insightface_pairs.insightface_pairs(file=file, image_size=(8, 8), num_folds=2)

        self.assertLen(pairs.images, 3)
        np.testing.assert_array_equal(pairs.left, [0, 1, 0])
        np.testing.assert_array_equal(pairs.right, [1, 2, 2])
        np.testing.assert_array_equal(pairs.same, [False, True, False])
        # scikit-learn's KFold, which InsightFace uses, gives earlier folds one more as well.
        np.testing.assert_array_equal(pairs.fold, [0, 0, 1])
        self.assertIsNone(pairs.people)
        np.testing.assert_allclose(pairs.images.load(0)[4, 4], [1, 0, 0], atol=0.02)
        np.testing.assert_allclose(pairs.images.load(1)[4, 4], [0, 0, 1])

    def test_images_are_brought_to_size_and_channels(self):
        image = _encoded((100, 100, 100))
        pairs = insightface_pairs.insightface_pairs(
            file=self._file(([image] * 4, [True, False])),
            image_size=(4, 6),
            channels=1,
            num_folds=2,
        )
        np.testing.assert_allclose(pairs.images.load(0), np.full((4, 6, 1), 100 / 255), atol=0.01)

    def test_a_malicious_file_runs_nothing(self):
        mark = os.path.join(self.create_tempdir().full_path, "mark")

        class Malicious:
            def __reduce__(self):
                return os.mkdir, (mark,)

        file = self._file(([_encoded((0, 0, 0))] * 2, [Malicious()]))
        with self.assertRaisesRegex(ValueError, "asks for posix.mkdir"):
            insightface_pairs.insightface_pairs(file=file)
        self.assertFalse(os.path.exists(mark))

    @parameterized.parameters(
        (b"\xff\xd8 no pickle", "is no verification set: not a pickle of plain data"),
        ([[b"x"]], "expected images and truth values, got a list"),
        (([b"x"] * 4, b"\0\1"), "list of truth values, got a list and a bytes"),
        (([b"x"] * 3 + ["x"], [True, False]), "bytes, got a str as number 3, in pair 1 .both"),
        (([b"x"] * 4, [True, 2]), "a truth value for every pair, got 2 for pair 1 .counted"),
        (([b"x"] * 5, [True, False]), "got 5 images and 2 pairs"),
        (([], []), "got 0 images and 0 pairs"),
        (([b"x"] * 4, [True, False]), "at most the number of pairs, 2, got 10"),
    )
    def test_other_files_are_refused(self, value, message):
        with self.assertRaisesRegex(ValueError, message):
            insightface_pairs.insightface_pairs(file=self._file(value))

    def test_an_image_that_cannot_be_decoded_is_numbered_as_in_the_file(self):
        """It is the second image of two without the repeated ones, and stands in two pairs."""
        image = _encoded((0, 0, 0))
        file = self._file(([image, image, image, b"bad", b"bad", image], [True, False, False]))
        message = r"2 of 6 images cannot be decoded to \(8, 8\), .* number 3, in pair 1 \(both"
        with self.assertRaisesRegex(ValueError, message):
            insightface_pairs.insightface_pairs(file=file, image_size=(8, 8), num_folds=2)

    def test_a_missing_file_is_named(self):
        with self.assertRaisesRegex(ValueError, "existing .bin file, got 'lfw.bin'"):
            insightface_pairs.insightface_pairs(file="lfw.bin")


if __name__ == "__main__":
    absltest.main()
