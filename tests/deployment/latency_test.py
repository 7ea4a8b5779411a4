"""Tests of measuring latency, on a clock that is set by hand."""

from unittest import mock

import numpy as np
from absl.testing import absltest, parameterized

from rtml_tf.deployment.latency import LatencyMeasurement


class LatencyTest(parameterized.TestCase):
    def test_warm_up_is_not_measured(self):
        clock, calls = [0.0], []

        def call():
            calls.append(None)
            # The first two calls take 1 s, the others 1, 2, ..., 21 ms.
            clock[0] += 1.0 if len(calls) <= 2 else 1e-3 * (len(calls) - 2)

        with mock.patch("time.perf_counter", side_effect=lambda: clock[0]):
            measured = LatencyMeasurement(warm_up=2, runs=21).measure(call)
        self.assertLen(calls, 23)
        np.testing.assert_allclose(list(measured.values()), [11.0, 20.0])
        self.assertEqual(list(measured), ["median_ms", "p95_ms"])

    @parameterized.parameters(
        ({"threads": (1, 0)}, r"threads must hold numbers of at least 1, got \(1, 0\)"),
        ({"runs": 0}, "runs at least 1, got 10 and 0"),
        ({"warm_up": -1}, "warm_up must be at least 0 .* got -1"),
    )
    def test_bad_arguments(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            LatencyMeasurement(**arguments)


if __name__ == "__main__":
    absltest.main()
