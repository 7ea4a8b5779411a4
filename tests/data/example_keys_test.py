"""Tests of the names of examples."""

from absl.testing import absltest, parameterized

from rtml_tf.data.example_keys import check_unique_keys, match_keys


class MatchKeysTest(parameterized.TestCase):
    def test_finds_the_examples_in_any_order(self):
        self.assertEqual(match_keys("abcd", "dbac").tolist(), [2, 1, 3, 0])

    def test_extra_examples_can_be_left_out(self):
        self.assertEqual(match_keys("ca", "zaycx", ignore_extra=True).tolist(), [3, 1])

    @parameterized.parameters(
        ("abcd", "adx", r"^target has no example for keys of source \(2\): b, c; target has extra"),
        ("abcd", "adx", r"target has extra keys \(1\): x\.$"),
        ("abcdefg", "", r"keys of source \(7\): a, b, c, d, e, \.\.\.\.$"),
        ("abab", "ab", r"^source has duplicated keys \(2\): a, b\.$"),
        ("ab", "abbb", r"^target has duplicated keys \(1\): b\.$"),
    )
    def test_what_does_not_match_is_named(self, source: str, target: str, message: str):
        with self.assertRaisesRegex(ValueError, message):
            match_keys(source, target)

    def test_missing_examples_are_an_error_in_any_case(self):
        with self.assertRaisesRegex(ValueError, r"no example for keys of source \(1\): b\.$"):
            match_keys("ab", "ax", ignore_extra=True)

    def test_unique_keys_pass(self):
        check_unique_keys("abc", place="anywhere")


if __name__ == "__main__":
    absltest.main()
