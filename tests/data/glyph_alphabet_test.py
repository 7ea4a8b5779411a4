from absl.testing import absltest, parameterized

from rtml_tf.data import glyph_alphabet


class GlyphClassesTest(parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.classes = glyph_alphabet.glyph_classes()
        cls.faces = {glyph.character: glyph.faces for glyph in cls.classes}
        cls.characters = "".join(cls.faces)

    def test_there_are_at_least_600_of_at_least_six_faces_each(self):
        self.assertGreaterEqual(len(self.classes), 600)
        self.assertEqual(len(self.faces), len(self.classes))
        for faces in self.faces.values():
            self.assertGreaterEqual(len(set(faces)), 6)

    @parameterized.parameters(
        ("AΑА",),  # Latin, Greek, Cyrillic
        ("HΗНʜ",),
        ("OoΟοОоՕ",),
        ("Cc",),
        ("Ss",),
        ("Vv",),
        ("Ƨƨ",),
        ("Яя",),
        ("Ƶƶ",),
    )
    def test_characters_that_look_the_same_are_one_class(self, characters):
        self.assertLen([c for c in characters if c in self.characters], 1)

    @parameterized.parameters("AE", "EF", "UV", "TŦ", "ZƵ", "DÐ", "iıj", "8B", "Ee")
    def test_characters_that_look_different_are_classes(self, characters):
        self.assertEqual([c for c in characters if c not in self.characters], [])

    def test_a_face_in_which_two_characters_look_the_same_serves_one_of_them(self):
        """In DejaVu Sans the small l is the capital I, in DejaVu Sans Mono it is not."""
        self.assertIn("DejaVuSans", self.faces["I"])
        self.assertNotIn("DejaVuSans", self.faces["l"])
        self.assertIn("DejaVuSansMono", self.faces["l"])

    def test_the_first_classes_do_not_depend_on_the_limit(self):
        self.assertEqual(glyph_alphabet.glyph_classes(12), self.classes[:12])


if __name__ == "__main__":
    absltest.main()
