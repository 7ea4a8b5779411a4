"""Tests of the C++ example, built against a stand-in of the C API of TensorFlow Lite."""

# Takes a C++ compiler, which not every machine that builds with Bazel has.
# bazel: no target

import pathlib
import shutil
import subprocess
import unittest

from absl.testing import absltest, parameterized

_SOURCE = pathlib.Path(__file__).absolute().parents[1] / "examples" / "compare_faces.cc"

# A "file" is the name of a type; the embedding of an image of 2x3 grey pixels is its six values.
# Integers stand for value = (integer + 128) / 255 in the image, and integer - 1 in the embedding.
_STAND_IN = """
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>
enum TfLiteStatus { kTfLiteOk, kTfLiteError };
enum TfLiteType { kTfLiteFloat32, kTfLiteInt8 };
struct TfLiteQuantizationParams { float scale; int32_t zero_point; };
struct TfLiteTensor { TfLiteType type; bool input; char data[24]; };
struct TfLiteModel { std::string type; };
struct TfLiteInterpreterOptions {};
struct TfLiteInterpreter { TfLiteTensor input, output; };
inline TfLiteModel* TfLiteModelCreateFromFile(const char* path) {
  TfLiteModel model;
  std::ifstream(path) >> model.type;
  return model.type.empty() ? nullptr : new TfLiteModel(model);
}
inline void TfLiteModelDelete(TfLiteModel* model) { delete model; }
inline TfLiteInterpreterOptions* TfLiteInterpreterOptionsCreate() {
  return new TfLiteInterpreterOptions;
}
inline void TfLiteInterpreterOptionsDelete(TfLiteInterpreterOptions* options) { delete options; }
inline void TfLiteInterpreterOptionsSetNumThreads(TfLiteInterpreterOptions*, int32_t) {}
inline TfLiteInterpreter* TfLiteInterpreterCreate(
    const TfLiteModel* model, const TfLiteInterpreterOptions*) {
  const TfLiteType type = model->type == "int8" ? kTfLiteInt8 : kTfLiteFloat32;
  return new TfLiteInterpreter{{type, true, {}}, {type, false, {}}};
}
inline void TfLiteInterpreterDelete(TfLiteInterpreter* interpreter) { delete interpreter; }
inline TfLiteStatus TfLiteInterpreterAllocateTensors(TfLiteInterpreter*) { return kTfLiteOk; }
inline TfLiteTensor* TfLiteInterpreterGetInputTensor(const TfLiteInterpreter* all, int32_t) {
  return const_cast<TfLiteTensor*>(&all->input);
}
inline const TfLiteTensor* TfLiteInterpreterGetOutputTensor(
    const TfLiteInterpreter* all, int32_t) {
  return &all->output;
}
inline TfLiteStatus TfLiteInterpreterInvoke(TfLiteInterpreter* all) {
  std::memcpy(all->output.data, all->input.data, 24);
  if (all->input.type == kTfLiteInt8) {
    for (int i = 0; i < 6; ++i) all->output.data[i] = (all->input.data[i] + 128) / 51 + 1;
  }
  return kTfLiteOk;
}
inline TfLiteType TfLiteTensorType(const TfLiteTensor* tensor) { return tensor->type; }
inline int32_t TfLiteTensorNumDims(const TfLiteTensor* tensor) { return tensor->input ? 4 : 2; }
inline int32_t TfLiteTensorDim(const TfLiteTensor* tensor, int32_t axis) {
  static const int32_t image[] = {1, 2, 3, 1}, embedding[] = {1, 6};
  return tensor->input ? image[axis] : embedding[axis];
}
inline size_t TfLiteTensorByteSize(const TfLiteTensor* tensor) {
  return tensor->type == kTfLiteInt8 ? 6 : 24;
}
inline TfLiteQuantizationParams TfLiteTensorQuantizationParams(const TfLiteTensor* tensor) {
  if (tensor->input) return {1.0f / 255.0f, -128};
  return {1.0f, 1};
}
inline TfLiteStatus TfLiteTensorCopyFromBuffer(TfLiteTensor* to, const void* data, size_t size) {
  if (size != TfLiteTensorByteSize(to)) return kTfLiteError;
  std::memcpy(to->data, data, size);
  return kTfLiteOk;
}
inline TfLiteStatus TfLiteTensorCopyToBuffer(const TfLiteTensor* from, void* data, size_t size) {
  if (size != TfLiteTensorByteSize(from)) return kTfLiteError;
  std::memcpy(data, from->data, size);
  return kTfLiteOk;
}
"""
_COMPILER = shutil.which("g++") or shutil.which("clang++")


@unittest.skipUnless(
    _COMPILER and _SOURCE.exists(), "takes a C++ compiler and the example's source"
)
class CompareFacesTest(parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = pathlib.Path(absltest.get_default_test_tmpdir()) / "compare_faces_cc"
        header = cls.folder / "tensorflow" / "lite" / "c" / "c_api.h"
        header.parent.mkdir(parents=True, exist_ok=True)
        header.write_text(_STAND_IN)
        program = cls.folder / "compare_faces"
        options = ["-std=c++17", "-Wall", "-Wextra", "-Werror", f"-I{cls.folder}"]
        subprocess.run([_COMPILER, *options, _SOURCE, "-o", program], check=True)
        for name in ("float32", "int8"):
            (cls.folder / name).write_text(name)
        for name, content in {
            # Multiples of 51 = 255 / 5: both types give the same cosine.
            "a.pgm": b"P5 3 2 255\n" + bytes([51, 0, 102, 0, 0, 0]),
            "b.pgm": b"P5\n# made by hand\n3 2\n255\n" + bytes([51, 0, 0, 0, 0, 102]),
            "white_space.pgm": b"P5 3 2 255\n" + bytes([10, 32, 9, 0, 0, 0]),
            "short.pgm": b"P5 3 2 255\n" + bytes(5),
            "wide.pgm": b"P5 4 2 255\n" + bytes(8),
            "colour.ppm": b"P6 3 2 255\n" + bytes(18),
            "deep.pgm": b"P5 3 2 65535\n" + bytes(12),
            "text.pgm": b"P2 3 2 255\n1 2 3 4 5 6",
            "head.pgm": b"P5 3 x 255\n" + bytes(6),
        }.items():
            (cls.folder / name).write_bytes(content)

    def _run(self, *arguments):
        return subprocess.run(
            ["./compare_faces", *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )

    @parameterized.product(file=("float32", "int8"), threshold=("0.19", "0.21"))
    def test_decides_by_the_cosine(self, file, threshold):
        """(1, 2) and (1, 0, 2) in other places: 1 / 5."""
        finished = self._run(file, threshold, "a.pgm", "b.pgm")
        accepted = threshold == "0.19"
        self.assertEqual(finished.returncode, 0 if accepted else 1)
        decision = "the same person" if accepted else "different people"
        self.assertEqual(
            finished.stdout, f"similarity 0.2000, threshold {float(threshold):.4f}: {decision}\n"
        )

    def test_pixels_may_look_like_white_space(self):
        finished = self._run("float32", "1", "white_space.pgm", "white_space.pgm")
        self.assertStartsWith(finished.stdout, "similarity 1.0000")

    @parameterized.parameters(
        (("missing", "0.5", "a.pgm", "b.pgm"), "missing is no TFLite file"),
        (("int8", "0.5x", "a.pgm", "b.pgm"), "threshold must be a cosine in [-1, 1], got 0.5x"),
        (("int8", "nan", "a.pgm", "b.pgm"), "threshold must be a cosine in [-1, 1], got nan"),
        (("int8", "0.5", "missing.pgm", "b.pgm"), "missing.pgm cannot be read"),
        (("int8", "0.5", "short.pgm", "b.pgm"), "short.pgm is truncated"),
        (("int8", "0.5", "a.pgm", "wide.pgm"), "takes 1x2x3x1, got an image of 2x4x1"),
        (("int8", "0.5", "a.pgm", "colour.ppm"), "takes 1x2x3x1, got an image of 2x3x3"),
        (("int8", "0.5", "deep.pgm", "b.pgm"), "deep.pgm has not 8 bits a value"),
        (("int8", "0.5", "text.pgm", "b.pgm"), "text.pgm is no binary PGM or PPM file"),
        (("int8", "0.5", "head.pgm", "b.pgm"), "head.pgm has a damaged head"),
        (("int8", "0.5", "a.pgm"), "usage: "),
    )
    def test_a_mistake_is_one_message(self, arguments, message):
        finished = self._run(*arguments)
        self.assertEqual(finished.returncode, 2)
        self.assertIn(message, finished.stderr)
        self.assertLen(finished.stderr.splitlines(), 1)


if __name__ == "__main__":
    absltest.main()
