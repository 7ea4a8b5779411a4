// Compares two face images with an exported network, through the C API of TensorFlow Lite (LiteRT).
//
//     compare_faces int8.tflite 0.62 one.pgm other.pgm
//
// The threshold is one of "thresholds" in the metadata, which `unzip -p int8.tflite rtml_tf.json`
// prints. Images are binary PGM (grey networks) or PPM (colour networks), 8 bits a value, and have
// the size of the network's images; so made with ImageMagick, for a network of 48x48 grey pixels:
//
//     convert one.jpg -resize 48x48^ -gravity center -extent 48x48 -colorspace gray one.pgm
//
// An application decodes and resizes with its platform; what the network saw in training is in
// "preprocessing" of the metadata. How to build: see CMakeLists.txt beside this file.
//
// Exit status 0 for one person, 1 for two, 2 for a mistake.

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "tensorflow/lite/c/c_api.h"

namespace {

struct Image {
  int height = 0, width = 0, channels = 0;
  std::vector<uint8_t> pixels;  // Row by row, the channels of a pixel side by side.
};

// A number of the head of a PGM or PPM file, behind white space and comments.
int HeadNumber(std::istream& file, const std::string& path) {
  int next = file.get();
  while (std::isspace(next) || next == '#') {
    while (next == '#' && file && file.peek() != '\n') file.get();
    next = file.get();
  }
  int number = 0, digits = 0;
  for (; std::isdigit(next) && digits < 6; ++digits) {
    number = 10 * number + (next - '0');
    next = file.get();
  }
  // One white space follows; behind the last number it is followed by the pixels.
  if (digits == 0 || !std::isspace(next)) throw std::runtime_error(path + " has a damaged head.");
  return number;
}

Image ReadImage(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path + " cannot be read.");
  char magic[2] = {};
  file.read(magic, 2);
  Image image;
  if (magic[0] == 'P' && magic[1] == '5') image.channels = 1;
  if (magic[0] == 'P' && magic[1] == '6') image.channels = 3;
  if (image.channels == 0) throw std::runtime_error(path + " is no binary PGM or PPM file.");
  image.width = HeadNumber(file, path);
  image.height = HeadNumber(file, path);
  if (HeadNumber(file, path) != 255) throw std::runtime_error(path + " has not 8 bits a value.");
  if (image.width > 4096 || image.height > 4096) throw std::runtime_error(path + " is too large.");
  image.pixels.resize(static_cast<size_t>(image.height) * image.width * image.channels);
  file.read(reinterpret_cast<char*>(image.pixels.data()), image.pixels.size());
  if (static_cast<size_t>(file.gcount()) != image.pixels.size()) {
    throw std::runtime_error(path + " is truncated.");
  }
  return image;
}

void Check(TfLiteStatus status, const char* what) {
  if (status != kTfLiteOk) throw std::runtime_error(std::string("the file cannot ") + what);
}

// An exported network that takes one image at once.
class Network {
 public:
  Network(const std::string& path, int threads)
      : model_(TfLiteModelCreateFromFile(path.c_str()), TfLiteModelDelete),
        options_(TfLiteInterpreterOptionsCreate(), TfLiteInterpreterOptionsDelete) {
    if (!model_) throw std::runtime_error(path + " is no TFLite file.");
    TfLiteInterpreterOptionsSetNumThreads(options_.get(), threads);
    interpreter_.reset(TfLiteInterpreterCreate(model_.get(), options_.get()));
    if (!interpreter_) throw std::runtime_error(path + " cannot be run by this library.");
    Check(TfLiteInterpreterAllocateTensors(interpreter_.get()), "get its memory.");
  }

  // The embedding of an image, of length 1.
  std::vector<float> Embed(const Image& image) {
    TfLiteTensor* input = TfLiteInterpreterGetInputTensor(interpreter_.get(), 0);
    const int wanted[] = {1, image.height, image.width, image.channels};
    for (int axis = 0; axis < 4; ++axis) {
      if (TfLiteTensorNumDims(input) != 4 || TfLiteTensorDim(input, axis) != wanted[axis]) {
        throw std::runtime_error("the network takes " + Shape(input) + ", got an image of " +
                                 std::to_string(image.height) + "x" + std::to_string(image.width) +
                                 "x" + std::to_string(image.channels) + ".");
      }
    }
    if (TfLiteTensorType(input) == kTfLiteInt8) {
      Fill<int8_t>(input, Quantized(input, image));
    } else {
      std::vector<float> values(image.pixels.begin(), image.pixels.end());
      for (float& value : values) value /= 255.0f;
      Fill<float>(input, values);
    }
    Check(TfLiteInterpreterInvoke(interpreter_.get()), "be run.");
    std::vector<float> embedding = Output();
    double squares = 0.0;
    for (float value : embedding) squares += static_cast<double>(value) * value;
    const double length = std::max(std::sqrt(squares), 1e-12);
    for (float& value : embedding) value = static_cast<float>(value / length);
    return embedding;
  }

 private:
  static std::string Shape(const TfLiteTensor* tensor) {
    std::string shape;
    for (int axis = 0; axis < TfLiteTensorNumDims(tensor); ++axis) {
      shape += (axis ? "x" : "") + std::to_string(TfLiteTensorDim(tensor, axis));
    }
    return shape;
  }

  // Pixels in [0, 1] as the integers of the input: value = scale * (integer - zero point).
  static std::vector<int8_t> Quantized(const TfLiteTensor* input, const Image& image) {
    const TfLiteQuantizationParams numbers = TfLiteTensorQuantizationParams(input);
    std::vector<int8_t> levels;
    for (uint8_t pixel : image.pixels) {
      const float level = std::nearbyint(pixel / 255.0f / numbers.scale) + numbers.zero_point;
      levels.push_back(static_cast<int8_t>(std::clamp(level, -128.0f, 127.0f)));
    }
    return levels;
  }

  template <typename T>
  static void Fill(TfLiteTensor* input, const std::vector<T>& values) {
    Check(TfLiteTensorCopyFromBuffer(input, values.data(), values.size() * sizeof(T)),
          "take the image.");
  }

  std::vector<float> Output() const {
    const TfLiteTensor* output = TfLiteInterpreterGetOutputTensor(interpreter_.get(), 0);
    const size_t bytes = TfLiteTensorByteSize(output);
    if (TfLiteTensorType(output) != kTfLiteInt8) {
      std::vector<float> values(bytes / sizeof(float));
      Check(TfLiteTensorCopyToBuffer(output, values.data(), bytes), "give its embedding.");
      return values;
    }
    std::vector<int8_t> levels(bytes);
    Check(TfLiteTensorCopyToBuffer(output, levels.data(), bytes), "give its embedding.");
    // The scale does not change the direction.
    const int zero_point = TfLiteTensorQuantizationParams(output).zero_point;
    std::vector<float> values;
    for (int8_t level : levels) values.push_back(static_cast<float>(level - zero_point));
    return values;
  }

  std::unique_ptr<TfLiteModel, void (*)(TfLiteModel*)> model_;
  std::unique_ptr<TfLiteInterpreterOptions, void (*)(TfLiteInterpreterOptions*)> options_;
  std::unique_ptr<TfLiteInterpreter, void (*)(TfLiteInterpreter*)> interpreter_{
      nullptr, TfLiteInterpreterDelete};
};

float Threshold(const char* text) {
  char* end = nullptr;
  const float threshold = std::strtof(text, &end);
  if (end == text || *end != '\0' || !(threshold >= -1.0f && threshold <= 1.0f)) {
    throw std::runtime_error(std::string("the threshold must be a cosine in [-1, 1], got ") + text);
  }
  return threshold;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: %s FILE.tflite THRESHOLD IMAGE IMAGE\n", argv[0]);
    return 2;
  }
  try {
    const float threshold = Threshold(argv[2]);
    Network network(argv[1], /*threads=*/1);
    const std::vector<float> first = network.Embed(ReadImage(argv[3]));
    const std::vector<float> second = network.Embed(ReadImage(argv[4]));
    float similarity = 0.0f;
    for (size_t i = 0; i < first.size(); ++i) similarity += first[i] * second[i];
    const bool accepted = similarity >= threshold;
    std::printf("similarity %.4f, threshold %.4f: %s\n", similarity, threshold,
                accepted ? "the same person" : "different people");
    return accepted ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 2;
  }
}
