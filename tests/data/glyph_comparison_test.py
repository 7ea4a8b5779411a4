import numpy as np
from absl.testing import absltest
from scipy import ndimage

from rtml_tf.data.glyph_comparison import Drawings, join


def _face(face, characters):
    return Drawings.of((character, face) for character in characters)


class DrawingsTest(absltest.TestCase):
    def test_look_like_is_a_partial_hausdorff_distance(self):
        """SciPy grows the ink; pairs are compared one by one, in both directions."""
        letters = "AΑΛCcOoQIl"
        drawings = join([_face("DejaVuSans", letters), _face("DejaVuSerif-Bold", letters)])
        ink = drawings.ink.reshape(-1, 24, 24).astype(np.float64)
        grown = [ndimage.maximum_filter(image, size=3, mode="constant") for image in ink]
        covers = np.array(
            [[(a * h).sum() >= 0.98 * (a * g).sum() for h in grown] for a, g in zip(ink, grown)]
        )
        result = drawings.look_like(drawings)
        np.testing.assert_array_equal(result, covers & covers.T)
        self.assertTrue(result.diagonal().all())
        self.assertGreater(result.sum(), len(result))

    def test_size_does_not_matter(self):
        self.assertTrue(_face("DejaVuSans", "S").look_like(_face("DejaVuSans", "s"))[0, 0])

    def test_a_missing_stroke_matters_whichever_side_misses_it(self):
        for one, other in ("TŦ", "ŦT", "EF", "FE", "OQ", "QO"):
            alike = _face("DejaVuSans", one).look_like(_face("DejaVuSans", other))
            self.assertFalse(alike[0, 0], one + other)

    def test_an_empty_drawing_looks_like_nothing(self):
        drawings = _face("DejaVuSans", " A")
        self.assertEqual(drawings.total[0], 0)
        self.assertEqual(drawings.look_like(drawings[1:]).tolist(), [[False], [True]])


if __name__ == "__main__":
    absltest.main()
