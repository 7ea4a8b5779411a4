"""Tests of files of numbered lines."""

from absl.testing import absltest, parameterized

from rtml_tf.data.numbered_lines import read_numbered_lines


class ReadNumberedLinesTest(parameterized.TestCase):
    def _read(self, text: str, fields: dict, header: str | None = None) -> dict:
        file = self.create_tempfile("lines.txt", text).full_path
        lines = read_numbered_lines(file, fields=fields, header=header)
        return {number: (line.line, line.values) for number, line in lines.items()}

    def test_lines_keep_their_order_and_the_last_field_its_spaces(self):
        found = self._read("7 a b.jpg\n\n 2\tc.jpg  \r\n", {"path": str})
        self.assertEqual(list(found.items()), [(7, (1, ("a b.jpg",))), (2, (3, ("c.jpg",)))])

    def test_a_header_is_not_a_line(self):
        found = self._read("id x\n1 0.5\n", {"x": float}, header="id x")
        self.assertEqual(found, {1: (2, (0.5,))})

    @parameterized.parameters(
        ("1 3\n2\n", r"\(1\): line 2: expected <number> <class>, got '2'\."),
        ("one 3\n", "line 1: expected <number> <class>, got 'one 3'"),
        ("1 three\n", "line 1: expected"),
        ("1 3 4\n", "line 1: expected"),
        ("1 3\n2 3\n1 4\n", "line 3: 1 is on line 1 already"),
        ("x\n" * 7, r"\(7\): line 1: .*line 5: [^;]*; and 2 more"),
        ("\n", "lists nothing"),
    )
    def test_malformed_lines_are_named(self, text, message):
        with self.assertRaisesRegex(ValueError, f"lines.txt .*{message}"):
            self._read(text, {"class": int})

    def test_a_wrong_header_is_named(self):
        with self.assertRaisesRegex(ValueError, "line 1: expected 'id x', got '1 0.5'"):
            self._read("1 0.5\n", {"x": float}, header="id x")

    def test_a_missing_file_is_named(self):
        with self.assertRaisesRegex(ValueError, "There is no file 'no.txt' .*looked for '/"):
            read_numbered_lines("no.txt", fields={})


if __name__ == "__main__":
    absltest.main()
