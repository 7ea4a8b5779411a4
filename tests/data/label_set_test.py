"""Tests of the classes that pixels can have."""

import numpy as np
from absl.testing import absltest, parameterized

from rtml_tf.data.label_set import LabelSet

_PALETTE = ((128, 64, 128), (0, 0, 142), (70, 130, 180))


def _labels(**changes) -> LabelSet:
    arguments = {
        "class_names": ("road", "car", "sky"),
        "palette": _PALETTE,
        "classes_of": {7: "road", 26: "car", 29: "car", 23: "sky"},
        "ignored": (0, 4),
    }
    return LabelSet(**{**arguments, **changes})


class LabelSetTest(parameterized.TestCase):
    def test_ids_become_classes_ignored_or_unknown(self):
        table = _labels().table()
        known = {value: table[value] for value in np.flatnonzero(table >= 0)}
        self.assertEqual(known, {0: 255, 4: 255, 7: 0, 23: 2, 26: 1, 29: 1})
        self.assertLen(table, 65536)

    def test_colours_are_numbers_of_24_bits(self):
        labels = _labels(
            classes_of=dict(zip(_PALETTE, ("road", "car", "sky"))), ignored=[(0, 0, 0)]
        )
        self.assertTrue(labels.by_colour)
        table = labels.table()
        self.assertEqual(table[0x804080], 0)
        self.assertEqual(table[0x00008E], 1)
        self.assertEqual(table[0], 255)
        self.assertEqual(np.count_nonzero(table >= 0), 4)

    def test_only_keeps_the_order_asked_for_and_ignores_the_rest(self):
        labels = _labels(ignore_value=99).only(["sky", "car"])
        self.assertEqual(labels.class_names, ("sky", "car"))
        np.testing.assert_array_equal(labels.palette, [_PALETTE[2], _PALETTE[1]])
        table = labels.table()
        self.assertEqual([table[i] for i in (23, 26, 29, 7, 0, 1)], [0, 1, 1, 99, 99, -1])

    @parameterized.parameters(
        ({"class_names": ("road",)}, "at least two different names"),
        ({"class_names": ("road", "car", "car")}, "at least two different names"),
        ({"palette": _PALETTE[:2]}, "palette must hold 3 colours"),
        ({"palette": ((1, 2, 3), (4, 5, 6), (7, 8, 256))}, "palette must hold 3 colours"),
        ({"ignore_value": 2}, r"ignore_value must lie in 3\.\.255"),
        ({"classes_of": {7: "road", 8: "tram"}}, "names 'tram' for 8"),
        ({"classes_of": {7: "road", 8: "sky"}}, "nothing for the class 'car'"),
        ({"ignored": (7,)}, "7 is given twice"),
        ({"ignored": (70_000,)}, "ids in 0..65535, or colours, got 7"),
        ({"ignored": ((1, 2, 300),)}, "ids in 0..65535, or colours, got 7|three values in 0..255"),
    )
    def test_refuses(self, changes, message):
        with self.assertRaisesRegex(ValueError, message):
            _labels(**changes)

    def test_names_the_classes_when_one_is_unknown(self):
        with self.assertRaisesRegex(ValueError, "no class 'rod' in road, car, sky"):
            _labels().number_of("rod")


if __name__ == "__main__":
    absltest.main()
