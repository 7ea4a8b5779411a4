"""Tests of SavedModels as layers."""

import tensorflow as tf

from rtml_tf.layers.saved_model_endpoint import SavedModelEndpoint


class _Scaling(tf.Module):
    """Two endpoints: one that scales, one that takes two inputs."""

    def __init__(self):
        super().__init__()
        self.factor = tf.Variable(3.0)

    @tf.function(input_signature=[tf.TensorSpec([None, 2], name="values")])
    def scale(self, values):
        return {"scaled": self.factor * values}

    @tf.function(input_signature=[tf.TensorSpec([None, 2]), tf.TensorSpec([None, 2])])
    def add(self, one, other):
        return {"sum": one + other}


class SavedModelEndpointTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.path = self.create_tempdir().full_path
        module = _Scaling()
        signatures = {"scale": module.scale, "add": module.add}
        tf.saved_model.save(module, self.path, signatures=signatures)

    def test_calls_the_endpoint(self):
        layer = SavedModelEndpoint(path=self.path, endpoint="scale")
        self.assertAllEqual(layer(tf.constant([[1.0, 2.0]])), [[3.0, 6.0]])
        self.assertEqual(layer.input_spec_of_endpoint.shape.as_list(), [None, 2])
        self.assertEmpty(layer.trainable_weights)
        self.assertAllEqual(layer.get_weights(), [3.0])

    def test_says_what_cannot_be_used(self):
        for path, endpoint, message in (
            (self.path, "embed", "no endpoint 'embed'. It has: add, scale"),
            (self.path, "add", "one input and one output, got inputs .'one', 'other'."),
            ("/nowhere", "scale", "path must be the folder of a SavedModel, got '/nowhere'"),
        ):
            with self.subTest(message), self.assertRaisesRegex(ValueError, message):
                SavedModelEndpoint(path=path, endpoint=endpoint)


if __name__ == "__main__":
    tf.test.main()
