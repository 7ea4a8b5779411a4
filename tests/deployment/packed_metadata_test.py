"""Tests of metadata in TFLite files, read as the schema says, byte by byte."""

import json
import pathlib
import struct
import zipfile

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from tensorflow.lite.python import schema_py_generated as schema

from rtml_tf.deployment.embedding_endpoints import EmbeddingEndpoints
from rtml_tf.deployment.network_description import NetworkDescription
from rtml_tf.deployment.packed_metadata import append_files
from rtml_tf.deployment.segmentation_endpoints import SegmentationEndpoints
from rtml_tf.deployment.tflite_forms import Float32, Int8
from tests.deployment.tiny_networks import embedding_network, images

_NETWORK = NetworkDescription(name="tiny", version="7", text="Tests: größer.", licence="Apache-2.0")
_CLASSES = NetworkDescription(**{**vars(_NETWORK), "labels": ("road", "sky")})


class _Table:
    """A table of a flatbuffer, by the numbers of its fields."""

    def __init__(self, data, place):
        self._data, self._place = data, place
        self._fields = place - self._number("<i", place)

    @classmethod
    def root(cls, data):
        return cls(data, struct.unpack_from("<I", data)[0])

    def number(self, field, kind="<B"):
        place = self._place_of(field)
        return place and self._number(kind, place)

    def text(self, field):
        place = self._there(field)
        return self._data[place + 4 :][: self._number("<I", place)].decode()

    def table(self, field):
        return _Table(self._data, self._there(field))

    def tables(self, field):
        places = [place + self._number("<I", place) for place in self._items(field)]
        return [_Table(self._data, place) for place in places]

    def floats(self, field):
        return [self._number("<f", place) for place in self._items(field)]

    def _items(self, field):
        if not self._place_of(field):
            return []
        place = self._there(field)
        return [place + 4 + 4 * i for i in range(self._number("<I", place))]

    def _place_of(self, field):
        """Where a field is; 0 where it is not set."""
        if 4 + 2 * field >= self._number("<H", self._fields):
            return 0
        offset = self._number("<H", self._fields + 4 + 2 * field)
        return offset and self._place + offset

    def _there(self, field):
        place = self._place_of(field)
        return place + self._number("<I", place)

    def _number(self, kind, place):
        return struct.unpack_from(kind, self._data, place)[0]


def _segmentation_network():
    image = tf.keras.Input((8, 6, 3), name="image")
    heads = {p: tf.keras.layers.Conv2D(2, 2, strides=2, name=p)(image) for p in ("p1", "p2")}
    return tf.keras.Model(image, heads)


class PackedMetadataTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.path = pathlib.Path(self.create_tempdir().full_path) / "tiny.tflite"

    def _write(self, form, endpoints, description=_NETWORK):
        channels = endpoints.image_shape[-1]
        form.write(endpoints, self.path, images(4, (8, 6, channels)))
        form.add_description(self.path, description)

    def _metadata(self):
        model = schema.ModelT.InitFromPackedBuf(self.path.read_bytes(), 0)
        (place,) = (x.buffer for x in model.metadata if x.name == b"TFLITE_METADATA")
        data = model.buffers[place].data.tobytes()
        self.assertEqual(data[4:8], b"M001")
        return _Table.root(data)

    def test_says_what_the_network_is(self):
        self._write(Float32(), EmbeddingEndpoints(network=embedding_network()))
        metadata = self._metadata()
        self.assertEqual(
            [metadata.text(field) for field in (0, 1, 2, 5, 7)],
            ["tiny", "Tests: größer.", "7", "Apache-2.0", "1.0.0"],
        )
        (file,) = metadata.tables(6)
        self.assertEqual((file.text(0), file.number(2)), ("rtml_tf.json", 1))
        (graph,) = metadata.tables(3)
        self.assertEqual(graph.text(0), "embed")

    @parameterized.parameters(
        (Float32(), 3, 1, (0, 1), (-1, 1)),
        (Float32(), 1, 2, (0, 1), (-1, 1)),
        (Float32(), 2, 0, (0, 1), (-1, 1)),
        # The embeddings of int8 have the scale 1/128, by the specification of L2_NORMALIZATION.
        (Int8(float_io=False), 3, 1, (-128, 127), (-128, 127)),
    )
    def test_says_what_images_and_embeddings_are(self, form, channels, colours, given, wanted):
        network = embedding_network(image_shape=(8, 6, channels))
        self._write(form, EmbeddingEndpoints(network=network))
        (graph,) = self._metadata().tables(3)
        (image,), (embedding,) = graph.tables(2), graph.tables(3)
        self.assertEqual((image.text(0), embedding.text(0)), ("image", "embedding"))
        content, (step,) = image.table(3), image.tables(4)
        self.assertEqual((content.number(0), step.number(0)), (2, 1))
        properties = content.table(1)
        self.assertEqual(properties.number(0), colours)
        size = properties.table(1)
        self.assertEqual((size.number(0, "<I"), size.number(1, "<I")), (6, 8))
        mean, deviation = step.table(1).floats(0), step.table(1).floats(1)
        self.assertEqual((mean, deviation), ([0.0], [255.0]))
        for tensor, (lowest, highest) in ((image, given), (embedding, wanted)):
            self.assertEqual(tensor.table(5).floats(1), [lowest])
            self.assertEqual(tensor.table(5).floats(0), [highest])
        self.assertEqual(embedding.table(3).number(0), 1)
        self.assertEmpty(embedding.tables(6))

    def test_names_the_classes_of_logits_and_masks(self):
        self._write(Int8(), SegmentationEndpoints(network=_segmentation_network()), _CLASSES)
        (graph,) = self._metadata().tables(3)
        outputs = {output.text(0): output for output in graph.tables(3)}
        # In the order of the interpreter, whose tensors know the name of their signature's output.
        details = tf.lite.Interpreter(str(self.path)).get_signature_runner().get_output_details()
        order = tf.lite.Interpreter(str(self.path)).get_output_details()
        indices = [details[name]["index"] for name in outputs]
        self.assertEqual(indices, [tensor["index"] for tensor in order])
        for name, kind in (("logits", 2), ("mask", 3)):
            (file,) = outputs[name].tables(6)
            self.assertEqual((file.text(0), file.number(2)), ("labels.txt", kind))
            self.assertEqual(outputs[name].table(3).number(0), 2)
        axes = outputs["logits"].table(3).table(2)
        self.assertEqual((axes.number(0, "<i"), axes.number(1, "<i")), (1, 2))

    @parameterized.parameters(Float32(), Int8(), Int8(float_io=False))
    def test_computes_the_same_to_the_bit(self, form):
        endpoints = EmbeddingEndpoints(network=embedding_network())
        form.write(endpoints, self.path, images(4))
        before = form.load(endpoints, self.path)(images(9))
        form.add_description(self.path, _NETWORK)
        described = self.path.read_bytes()
        self.assertAllEqual(form.load(endpoints, self.path)(images(9)), before)
        form.add_metadata(self.path, {"labels": [], "thresholds": [0.5]})
        self.assertAllEqual(form.load(endpoints, self.path)(images(9)), before)
        # What was measured with the file is added behind what was measured.
        self.assertStartsWith(self.path.read_bytes(), described)

    def test_data_are_aligned_as_the_schema_asks(self):
        self._write(Float32(), EmbeddingEndpoints(network=embedding_network()))
        model = schema.Model.GetRootAs(self.path.read_bytes())
        buffers = [model.Buffers(i) for i in range(model.BuffersLength())]
        starts = [x._tab.Vector(x._tab.Offset(4)) for x in buffers if x.DataLength()]
        self.assertNotEmpty(starts)
        self.assertEqual({start % 16 for start in starts}, {0})

    def test_holds_its_files(self):
        endpoints = SegmentationEndpoints(network=_segmentation_network())
        self._write(Float32(), endpoints, _CLASSES)
        metadata = {"labels": ["road", "sky"], "thresholds": [], "figure": np.nan}
        Float32().add_metadata(self.path, metadata)
        with zipfile.ZipFile(self.path) as archive:
            self.assertIsNone(archive.testzip())
            self.assertEqual(archive.namelist(), ["rtml_tf.json", "labels.txt"])
            self.assertEqual(json.loads(archive.read("rtml_tf.json")), {**metadata, "figure": None})
            self.assertEqual(archive.read("labels.txt"), b"road\nsky\n")
            kinds = {file.compress_type for file in archive.infolist()}
        # Readers on phones know of no other.
        self.assertEqual(kinds, {zipfile.ZIP_STORED})

    def test_weights_that_look_like_an_archive_stay(self):
        weights = b"weights, and what an empty archive is: PK\x05\x06" + bytes(18)
        self.path.write_bytes(weights)
        append_files(self.path, {"x.txt": "ä", "y.txt": ""})
        self.assertStartsWith(self.path.read_bytes(), weights)
        with zipfile.ZipFile(self.path) as archive:
            self.assertEqual(archive.read("x.txt").decode(), "ä")
            # No day on which the file was made: equal files have equal digests.
            self.assertEqual({file.date_time[0] for file in archive.infolist()}, {1980})


if __name__ == "__main__":
    tf.test.main()
