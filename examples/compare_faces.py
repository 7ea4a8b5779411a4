"""Compares two face images with an exported network: no TensorFlow, no rtml_tf.

    python compare_faces.py int8.tflite one.jpg other.jpg --false_accept_rate=0.01

Needs NumPy, Pillow and the interpreter of LiteRT (`pip install ai-edge-litert`), of the older
tflite-runtime, or else that of TensorFlow. How images are read, and from which similarity on two
are taken for one person, is in the file itself, in a ZIP archive at its end.
"""

import argparse
import importlib
import json
import pathlib
import sys
import zipfile

import numpy as np
from PIL import Image

_INTERPRETERS = (
    "ai_edge_litert.interpreter",
    "tflite_runtime.interpreter",
    "tensorflow.lite.python.interpreter",
)


def read_metadata(path: pathlib.Path) -> dict:
    """What the export has written into the file."""
    try:
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read("rtml_tf.json"))
    except (KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is no whole file of an export: {error}.") from error


def load_interpreter(path: pathlib.Path):
    """The file in the first interpreter that is installed."""
    for name in _INTERPRETERS:
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        return module.Interpreter(model_path=str(path))
    raise ImportError(f"one of {', '.join(_INTERPRETERS)} must be installed.")


def read_image(path: str, preprocessing: dict) -> np.ndarray:
    """Reads an image file as the network's training did, float32 `[1, H, W, C]` in [0, 1]."""
    grey = preprocessing["channels"] == 1
    with Image.open(path) as image:
        if grey:
            image.draft("L", None)  # The luma that a JPEG holds, not one computed from its colours.
        image = image.convert("L" if grey else "RGB")
    height, width = preprocessing["image_size"]
    resize_to = preprocessing["resize_to"]
    if isinstance(resize_to, int):
        scale = resize_to / min(image.size)
        size = tuple(round(length * scale) for length in image.size)
    else:
        size = resize_to[1], resize_to[0]
    if image.size != size:
        image = image.resize(size, Image.Resampling.BILINEAR)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    image = image.crop((left, top, left + width, top + height))
    pixels = np.asarray(image, np.float32) / np.float32(255.0)
    return pixels.reshape(1, height, width, preprocessing["channels"])


def embed(runner, image: np.ndarray, metadata: dict) -> np.ndarray:
    """The embedding of an image, of length 1."""
    given, wanted = metadata["input"], metadata["output"]
    if "quantization" in given:
        levels = np.rint(image / np.float32(given["quantization"]["scale"]))
        limits = np.iinfo(given["dtype"])
        image = np.clip(levels + given["quantization"]["zero_point"], limits.min, limits.max)
        image = image.astype(given["dtype"])
    # A file may take more than one image at once.
    image = np.repeat(image, metadata["batch_size"] or 1, axis=0)
    embedding = runner(image=image)["embedding"][0].astype(np.float32)
    if "quantization" in wanted:
        embedding = embedding - wanted["quantization"]["zero_point"]
    return embedding / max(np.linalg.norm(embedding), 1e-12)


def threshold_of(metadata: dict, rate: float | None) -> dict:
    """The threshold for a false accept rate; for none, that of the lowest rate."""
    thresholds = {entry["false_accept_rate"]: entry for entry in metadata["thresholds"]}
    if not thresholds:
        raise ValueError("the metadata have no thresholds.")
    rate = min(thresholds) if rate is None else rate
    if rate not in thresholds:
        known = ", ".join(f"{known:g}" for known in sorted(thresholds))
        raise ValueError(f"--false_accept_rate must be one of {known}, got {rate:g}.")
    return thresholds[rate]


def main() -> int:
    """Prints the similarity and the decision; exit status 0 for one person, 1 for two."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=pathlib.Path, help="an exported .tflite file")
    parser.add_argument("images", nargs=2, help="two image files")
    parser.add_argument("--false_accept_rate", type=float, help="the default is the lowest")
    arguments = parser.parse_args()
    try:
        metadata = read_metadata(arguments.file)
        chosen = threshold_of(metadata, arguments.false_accept_rate)
        runner = load_interpreter(arguments.file).get_signature_runner("embed")
        first, second = (
            embed(runner, read_image(path, metadata["preprocessing"]), metadata)
            for path in arguments.images
        )
    except (ImportError, KeyError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    similarity = float(first @ second)
    accepted = similarity >= chosen["threshold"]
    print(
        f"similarity {similarity:.4f}, threshold {chosen['threshold']:.4f} "
        f"(false accept rate {chosen['false_accept_rate']:g}): "
        f"{'the same person' if accepted else 'different people'}"
    )
    return 0 if accepted else 1


if __name__ == "__main__":
    sys.exit(main())
