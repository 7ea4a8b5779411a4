"""Tests of singular values, their decay and their picture."""

import os

import numpy as np
from absl.testing import absltest, parameterized
from PIL import Image
from scipy import linalg, stats
from sklearn import preprocessing

from rtml_tf.evaluation import spectrum
from rtml_tf.evaluation.spectrum_plot import write_spectrum_plot


class SingularValuesTest(parameterized.TestCase):
    @parameterized.product(shape=((5000, 7), (9, 20), (12, 12)), centred=(False, True))
    def test_equals_scipy(self, shape, centred):
        """5,000 images take more than one block."""
        embeddings = np.random.default_rng(0).normal(0.4, 1.0, shape)
        unit = preprocessing.normalize(embeddings)
        expected = linalg.svdvals(unit - centred * unit.mean(axis=0))
        found = spectrum.singular_values(embeddings, centred=centred)
        # Of N centred embeddings at most N - 1 are independent.
        self.assertLen(found, min(shape[0] - centred, shape[1]))
        np.testing.assert_allclose(found, expected[: len(found)], rtol=1e-5)

    def test_of_a_large_set_in_many_dimensions_a_sample_is_taken(self):
        embeddings = np.random.default_rng(0).normal(size=(30, 40))
        found = [
            spectrum.singular_values(embeddings, centred=False, limit=8, seed=seed)
            for seed in (0, 0, 1)
        ]
        self.assertLen(found[0], 8)
        np.testing.assert_array_equal(found[0], found[1])
        self.assertFalse(np.array_equal(found[0], found[2]))
        # Few dimensions, or few images, are no reason to take a sample.
        for shape in ((30, 7), (7, 30)):
            whole = spectrum.singular_values(embeddings[: shape[0], : shape[1]], centred=False)
            limited = spectrum.singular_values(
                embeddings[: shape[0], : shape[1]], centred=False, limit=8
            )
            np.testing.assert_array_equal(whole, limited)


class SpectralDecayTest(absltest.TestCase):
    def test_equals_the_relative_entropy_of_scipy(self):
        values = np.array([9.0, 4.0, 3.0, 0.5])
        expected = stats.entropy(np.full(4, 0.25), values / values.sum())
        self.assertAlmostEqual(spectrum.spectral_decay(values), expected)
        self.assertAlmostEqual(spectrum.spectral_decay(7 * values), expected)

    def test_is_zero_where_all_are_equal(self):
        self.assertAlmostEqual(spectrum.spectral_decay(np.full(5, 3.0)), 0.0)
        self.assertEqual(spectrum.spectral_decay(np.zeros(5)), 0.0)

    def test_directions_that_are_not_used_are_counted_and_left_out(self):
        values = np.array([9.0, 4.0, 9e-5, 9e-7, 0.0])
        expected = stats.entropy(np.full(3, 1 / 3), values[:3] / values[:3].sum())
        self.assertAlmostEqual(spectrum.spectral_decay(values), expected, places=6)
        self.assertEqual(spectrum.spectral_rank(values), 3)
        self.assertEqual(spectrum.spectral_rank(np.zeros(5)), 0)

    def test_a_narrow_float32_layer_has_the_rank_of_its_inputs(self):
        """Rounding fills the directions that it cannot reach, but is not counted."""
        generator = np.random.default_rng(0)
        narrow = generator.normal(size=(300, 8)).astype(np.float32)
        embeddings = narrow @ generator.normal(size=(8, 32)).astype(np.float32)
        values = spectrum.singular_values(embeddings, centred=False)
        self.assertGreater(np.count_nonzero(values), 8)
        self.assertEqual(spectrum.spectral_rank(values), 8)
        self.assertAlmostEqual(spectrum.spectral_decay(values), spectrum.spectral_decay(values[:8]))


class WriteSpectrumPlotTest(absltest.TestCase):
    def test_writes_a_picture_with_the_spectra_in_it(self):
        spectra = {"embeddings": np.arange(9.0, 0.0, -1), "centred": np.array([1.0, 0.5, 0.0])}
        orange = []
        for names in (["embeddings"], ["embeddings", "centred"]):
            file = os.path.join(self.create_tempdir(), "spectrum.png")
            write_spectrum_plot(file=file, spectra={n: spectra[n] for n in names}, title="x")
            with Image.open(file) as image:
                self.assertEqual(image.format, "PNG")
                picture = np.asarray(image.convert("RGB"), int)
            # matplotlib's second colour is drawn with the second spectrum only.
            orange.append(np.sum(np.abs(picture - [255, 127, 14]).sum(axis=2) < 30))
        self.assertEqual(orange[0], 0)
        self.assertGreater(orange[1], 50)

    def test_no_spectrum_is_refused(self):
        with self.assertRaisesRegex(ValueError, "at least one spectrum, got none"):
            write_spectrum_plot(file="unused.png", spectra={}, title="")


if __name__ == "__main__":
    absltest.main()
