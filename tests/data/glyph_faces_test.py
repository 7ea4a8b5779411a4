import unicodedata
from unittest import mock

import matplotlib
import numpy as np
from absl.testing import absltest

from rtml_tf.data import glyph_faces


class CandidatesTest(absltest.TestCase):
    def test_are_plain_letters_and_digits_that_six_faces_have(self):
        candidates = glyph_faces.candidates()
        self.assertLen(dict(candidates), len(candidates))
        for character, faces in candidates:
            self.assertIn(unicodedata.category(character), ("Lu", "Ll", "Lt", "Lo", "Nd"))
            # A canonical decomposition, unlike one for compatibility, has no tag in brackets.
            self.assertEqual(unicodedata.decomposition(character).partition("<")[0], "")
            self.assertGreaterEqual(len(set(faces)), 6)
            self.assertContainsSubset(faces, glyph_faces.FACES)

    def test_last_resort_is_no_face(self):
        self.assertNotIn("LastResort", "".join(glyph_faces.FACES))

    def test_computer_modern_is_used_for_ascii_only(self):
        """Its slots beyond ASCII are TeX's, not Unicode's."""
        faces = dict(glyph_faces.candidates())
        self.assertIn("cmr10", faces["A"])
        self.assertNotIn("cmr10", faces["ª"])

    def test_the_latin_alphabet_leads(self):
        leading = "".join(character for character, _ in glyph_faces.candidates()[:62])
        self.assertEqual(leading, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")

    def test_a_missing_font_file_is_named(self):
        empty = self.create_tempdir().full_path
        with mock.patch.object(matplotlib, "get_data_path", return_value=empty):
            with self.assertRaisesRegex(FileNotFoundError, "no font file .*DejaVuSans.ttf"):
                glyph_faces.candidates()


class InkTest(absltest.TestCase):
    def test_every_face_draws_the_letter_tight(self):
        for face in glyph_faces.FACES:
            image = np.asarray(glyph_faces.ink("A", face, em_size=64))
            for edge in (image[0], image[-1], image[:, 0], image[:, -1]):
                self.assertGreater(edge.max(), 0, face)
            self.assertBetween(image.shape[0], 35, 55)

    def test_the_stroke_moves_outlines_outwards(self):
        """A stroke of 5 % of the longest side adds that much on each of two sides."""
        plain = glyph_faces.ink("H", "DejaVuSans", em_size=200)
        thick = glyph_faces.ink("H", "DejaVuSans", em_size=200, relative_stroke=0.05)
        expected = np.array(plain.size) + 2 * 0.05 * max(plain.size)
        np.testing.assert_allclose(thick.size, expected, atol=2)

    def test_a_face_that_draws_nothing_gives_none(self):
        self.assertIsNone(glyph_faces.ink(" ", "DejaVuSans", em_size=64))


if __name__ == "__main__":
    absltest.main()
