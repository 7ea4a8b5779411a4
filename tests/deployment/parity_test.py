"""Tests of comparing a file with its network."""

import numpy as np
from absl.testing import absltest, parameterized

from rtml_tf.deployment.parity import ParityLimits, cosines

_NETWORK = {"unseen": {"recall@1": 0.9, "map@r": 0.5}}


def _file(worst=0.99, recall=0.9):
    return {
        "file": "int8.tflite",
        "bytes": 1000,
        "cosine": {"mean": 0.999, "worst": worst},
        "figures": {"unseen": {"recall@1": recall, "map@r": 0.1}},
    }


class ParityTest(parameterized.TestCase):
    def test_cosines(self):
        reference = np.array([[[1.0, 0.0]], [[3.0, 4.0]], [[0.0, 0.0]], [[0.0, 0.0]]])
        outputs = np.array([[[0.0, 5.0]], [[4.0, 3.0]], [[0.0, 0.0]], [[1.0, 0.0]]])
        np.testing.assert_allclose(cosines(outputs, reference), [0.0, 24 / 25, 1.0, 0.0])
        with self.assertRaisesRegex(ValueError, r"the network's, \(4, 1, 2\), got \(3, 1, 2\)"):
            cosines(outputs[1:], reference)

    @parameterized.parameters(
        (_file(), []),
        (_file(worst=0.97), ["the worst cosine is 0.9700, below 0.98"]),
        (_file(worst=float("nan")), ["the worst cosine is nan"]),
        (_file(recall=0.881), []),
        (_file(recall=0.87), ["recall@1 of 'unseen' is 0.8700, the network's 0.9000, a drop"]),
        (_file(recall=0.95), []),
        (_file(worst=0.0, recall=0.0), ["worst cosine", "recall@1"]),
    )
    def test_limits(self, file, expected):
        limits = ParityLimits(worst_cosine=0.98, largest_drops={"recall@1": 0.02})
        found = limits.violations("int8", file, _NETWORK)
        self.assertLen(found, len(expected))
        for violation, part in zip(found, expected):
            self.assertIn(part, violation)
            self.assertStartsWith(violation, "int8.tflite: ")

    def test_bytes(self):
        for largest, expected in (
            ({"int8": 1000}, []),
            ({"int8": 999}, ["int8.tflite: 1000 bytes, more than 999."]),
            ({"float32": 999}, []),
        ):
            limits = ParityLimits(largest_bytes=largest)
            self.assertEqual(limits.violations("int8", _file(), _NETWORK), expected)
        with self.assertRaisesRegex(ValueError, "largest_bytes names int4; the files are int8"):
            ParityLimits(largest_bytes={"int4": 1}).check_files(["int8"])

    def test_bad_arguments(self):
        with self.assertRaisesRegex(ValueError, r"worst_cosine must be in \[-1, 1\], got 98"):
            ParityLimits(worst_cosine=98)
        with self.assertRaisesRegex(ValueError, "of 'recall@1' must be at least 0, got -1"):
            ParityLimits(largest_drops={"recall@1": -1})


if __name__ == "__main__":
    absltest.main()
