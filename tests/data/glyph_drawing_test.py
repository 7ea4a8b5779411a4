import hashlib
import os
import subprocess
import sys

import numpy as np
from absl.testing import absltest

from rtml_tf.data import glyph_drawing, glyph_faces
from rtml_tf.data.glyph_alphabet import GlyphClass

_A = GlyphClass("A", glyph_faces.FACES)
_B = GlyphClass("B", glyph_faces.FACES)

_PROCESS = """
import hashlib
from rtml_tf.data import glyph_drawing, glyph_faces
from rtml_tf.data.glyph_alphabet import GlyphClass
glyph = GlyphClass("A", glyph_faces.FACES)
for number in (4, 3):
    image = glyph_drawing.draw(glyph, number=number, image_size=32, seed=5)
    print(hashlib.sha256(image.tobytes()).hexdigest())
"""


def _draw(glyph=_A, number=0, image_size=32, seed=0):
    return glyph_drawing.draw(glyph, number=number, image_size=image_size, seed=seed)


class DrawTest(absltest.TestCase):
    def test_shape_and_type(self):
        image = _draw(image_size=40)
        self.assertEqual(image.shape, (40, 40))
        self.assertEqual(image.dtype, np.uint8)

    def test_another_process_draws_the_same_bytes(self):
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "PYTHONHASHSEED": "77",
        }
        output = subprocess.check_output([sys.executable, "-c", _PROCESS], env=environment)
        digests = [hashlib.sha256(_draw(number=n, seed=5).tobytes()).hexdigest() for n in (4, 3)]
        self.assertEqual(output.decode().split(), digests)

    def test_seed_number_and_character_each_change_the_image(self):
        images = [_draw(), _draw(seed=1), _draw(number=1), _draw(_B)]
        self.assertLen({image.tobytes() for image in images}, 4)

    def test_the_character_stands_inside_the_image(self):
        """Its edge pixels vary with background and noise only, its middle with the ink."""
        for number in range(40):
            image = _draw(GlyphClass("H", glyph_faces.FACES), number=number) / 255.0
            edge = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
            self.assertGreater(np.ptp(image), 0.4)
            self.assertLess(np.abs(edge - np.median(edge)).max(), 0.5)
            self.assertGreater(np.ptp(image[8:-8, 8:-8]), 1.5 * edge.std())

    def test_both_polarities_and_many_looks(self):
        """The middle of a full O is paper, so its side says whether the paper is light."""
        glyph = GlyphClass("O", ("DejaVuSans",))
        corners = [_draw(glyph, number=n)[:3, :3].mean() for n in range(60)]
        self.assertBetween(np.mean(np.array(corners) > 127), 0.3, 0.7)
        ink_share = []
        for number in range(60):
            image = _draw(glyph, number=number).astype(float)
            ink_share.append((np.abs(image - image[:3, :3].mean()) > 70).mean())
        self.assertGreater(np.std(ink_share) / np.mean(ink_share), 0.1)


if __name__ == "__main__":
    absltest.main()
