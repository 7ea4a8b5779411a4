"""Tests of reading pickles without running them."""

import datetime
import os
import pickle

import numpy as np
from absl.testing import absltest, parameterized

from rtml_tf.data import plain_pickle


class _Runs:
    """Pickles as a call."""

    def __init__(self, function, *arguments):
        self._call = function, arguments

    def __reduce__(self):
        return self._call


class LoadPlainTest(parameterized.TestCase):
    @parameterized.product(
        protocol=list(range(pickle.HIGHEST_PROTOCOL + 1)),
        value=[
            ([b"\xff\xd8 image", b"\x00"], [True, False]),
            [1, -2.5, "text", None, (), [b"x"] * 3],
        ],
    )
    def test_plain_data_comes_back(self, protocol, value):
        self.assertEqual(plain_pickle.load_plain(pickle.dumps(value, protocol)), value)

    @parameterized.parameters(0, 1, 2, 3, 4)
    def test_numpy_truth_values_and_byte_arrays_come_back_plain(self, protocol):
        contents = np.frombuffer(b"\xff\xd8 image", np.uint8)
        value = ([contents, contents], list(np.array([True, False])))
        loaded = plain_pickle.load_plain(pickle.dumps(value, protocol))
        self.assertEqual(loaded, ([b"\xff\xd8 image"] * 2, [True, False]))
        self.assertIs(loaded[1][0], True)

    def test_byte_strings_of_python_2_come_back_as_bytes(self):
        """Written out from the opcodes of Python 2.7: GLOBAL 'numpy.core.multiarray scalar'
        applied to dtype('b1'), and SHORT_BINSTRING for the image."""
        contents = (
            b"\x80\x02]U\x03\xff\xd8\x00a]cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\n"
            b"U\x02b1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
            b"U\x01\x01\x86Ra\x86."
        )
        self.assertEqual(pickle.loads(contents, encoding="bytes"), ([b"\xff\xd8\0"], [True]))
        self.assertEqual(plain_pickle.load_plain(contents), ([b"\xff\xd8\0"], [True]))

    @parameterized.product(
        protocol=[0, 2, pickle.HIGHEST_PROTOCOL],
        function=[os.mkdir, os.system, eval, exec, open, getattr, pickle.loads, np.load],
    )
    def test_nothing_that_the_file_names_is_run(self, protocol, function):
        mark = os.path.join(self.create_tempdir().full_path, "mark")
        argument = f"mkdir {mark}" if function is os.system else mark
        contents = pickle.dumps([[b"image"], _Runs(function, argument)], protocol)
        with self.assertRaisesRegex(ValueError, "not a pickle of plain data: the file asks for"):
            plain_pickle.load_plain(contents)
        self.assertFalse(os.path.exists(mark))

    @parameterized.parameters(
        (datetime.date(2000, 1, 1), "the file asks for datetime.date"),
        (np.float32(1.0), "expected a truth value"),
        (np.zeros(3, np.int64), "expected an array of unsigned bytes"),
        (np.array([print], object), "the file asks for __builtin__.print"),
        ({"a": 1}, "a dict is not plain data"),
        ([b"image", np.dtype("b1")], "a _Type is not plain data"),
        (_Runs(np.core.multiarray.scalar, np.dtype("O"), b"x"), "expected a truth value"),
    )
    def test_other_data_is_refused(self, value, message):
        with self.assertRaisesRegex(ValueError, message):
            plain_pickle.load_plain(pickle.dumps(value, 2))

    def test_data_that_holds_itself_and_damaged_data_are_refused(self):
        circle = []
        circle.append(circle)
        whole = pickle.dumps([b"image"] * 10)
        for contents in (pickle.dumps(circle), whole[:-3], b"", b"\xff\xd8\xff", b"cos\nsystem"):
            with self.assertRaisesRegex(ValueError, "not a pickle of plain data"):
                plain_pickle.load_plain(contents)


if __name__ == "__main__":
    absltest.main()
