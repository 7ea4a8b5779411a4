"""Tests of images that are held encoded."""

import io

import numpy as np
from absl.testing import absltest, parameterized
from PIL import Image

from rtml_tf.data.encoded_images import EncodedImages


def _encoded(pixels, kind):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


class EncodedImagesTest(parameterized.TestCase):
    @parameterized.parameters("PNG", "JPEG")
    def test_decodes_as_pillow_does(self, kind):
        pixels = np.random.default_rng(0).integers(0, 256, (2, 6, 5, 3)).astype(np.uint8)
        contents = [_encoded(image, kind) for image in pixels]
        source = EncodedImages(contents=contents, image_size=(6, 5))
        self.assertLen(source, 2)
        self.assertLen(set(source.keys), 2)
        for number, encoded in enumerate(contents):
            expected = np.asarray(Image.open(io.BytesIO(encoded))) / np.float32(255)
            np.testing.assert_array_equal(source.load(number), expected)

    def test_a_larger_image_is_resized_and_cut(self):
        pixels = np.zeros((8, 8, 3), np.uint8)
        pixels[2:6, 2:6] = 200
        source = EncodedImages(
            contents=[_encoded(pixels, "PNG")], image_size=(4, 4), channels=1, resize_to=(8, 8)
        )
        np.testing.assert_allclose(source.load(0), np.full((4, 4, 1), 200 / 255), atol=1e-6)

    def test_bad_arguments_are_refused(self):
        image = _encoded(np.zeros((2, 2, 3), np.uint8), "PNG")
        with self.assertRaisesRegex(ValueError, "at least one image, got none"):
            EncodedImages(contents=[], image_size=(2, 2))
        with self.assertRaisesRegex(ValueError, "channels must be 1 or 3, got 4"):
            EncodedImages(contents=[image], image_size=(2, 2), channels=4)
        for resize_to in (1, (2, 1)):
            with self.assertRaisesRegex(ValueError, r"resize_to must leave .* image_size=\(2, 2\)"):
                EncodedImages(contents=[image], image_size=(2, 2), resize_to=resize_to)
        with self.assertRaisesRegex(ValueError, "2 of 3 images cannot .* number 0 "):
            EncodedImages(contents=[b"", image, image[:40]], image_size=(2, 2))
        gif = _encoded(np.zeros((2, 2), np.uint8), "GIF")
        with self.assertRaisesRegex(ValueError, "1 of 2 images cannot .* number 1 "):
            EncodedImages(contents=[image, gif], image_size=(2, 2))


if __name__ == "__main__":
    absltest.main()
