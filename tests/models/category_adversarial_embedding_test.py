"""Tests of category-level adversaries for embedding networks."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.layers.l2_normalization import L2Normalization
from rtml_tf.losses.local_alignment import CategoryWeights
from rtml_tf.losses.margin_softmax import ArcFaceLoss
from rtml_tf.losses.multi_similarity import MultiSimilarityLoss
from rtml_tf.models.category_adversarial_embedding import CategoryAdversarialEmbeddingModel
from rtml_tf.networks.branches import with_branches
from rtml_tf.networks.discriminator import embedding_discriminator
from rtml_tf.networks.resnet import cifar_resnet

_SGD = tf.keras.optimizers.SGD


def _network():
    tf.keras.utils.set_random_seed(0)
    image = tf.keras.Input((4, 4, 1), name="image")
    x = tf.keras.layers.Dense(3)(tf.keras.layers.Flatten()(image))
    return tf.keras.Model(image, L2Normalization()(x))


def _discriminator(size=3):
    tf.keras.utils.set_random_seed(1)
    return embedding_discriminator(embedding_size=size, filters=(5,))


def _batch(shape=(4, 4, 1)):
    rng = np.random.default_rng(0)
    source, target = (tf.constant(rng.uniform(size=(n, *shape)), tf.float32) for n in (6, 4))
    return {
        "source": {"image": source, "label": tf.constant([0, 0, 1, 1, 2, 2])},
        "target": {"image": target},
    }


def _model(**arguments):
    arguments = {
        "network": _network(),
        "loss": MultiSimilarityLoss(),
        "discriminator": _discriminator(),
        "discriminator_optimizer": _SGD(0.25),
        "category_weights": CategoryWeights(lambda_local=3.0),
        "adversarial_weight": 0.7,
        "classification_weight": 0.5,
        "discrepancy_weight": 0.2,
        **arguments,
    }
    model = CategoryAdversarialEmbeddingModel(**arguments)
    model.compile(optimizer=_SGD(0.5))
    model.prepare(num_classes=3)
    return model


class CategoryAdversarialEmbeddingModelTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(True, False)
    def test_one_step_is_the_formula(self, detached):
        """The network and D apart, each with a loss of its own and no reversal.

        Where M is not detached, the network raises what D loses and lowers the weights of it.
        """
        weights = CategoryWeights(lambda_local=3.0, detached=detached)
        model, batch = _model(category_weights=weights), _batch()
        network, discriminator = _network(), _discriminator()
        labels = batch["source"]["label"]
        classifiers = [
            [tf.Variable(w) for w in model.classifiers.get_layer(head).get_weights()]
            for head in ("p1", "p2")
        ]
        with tf.GradientTape(persistent=True) as tape:
            source, target = (network(batch[part]["image"]) for part in ("source", "target"))
            logits = [[16.0 * e @ w + b for w, b in classifiers] for e in (source, target)]
            u, v = (tf.nn.softmax(x) for x in logits[1])
            cosine = tf.reduce_sum(u * v, -1) / (tf.norm(u, axis=-1) * tf.norm(v, axis=-1))
            weights = 3.0 * (1.0 - cosine) + 0.4
            judged = [discriminator(e)[:, 0] for e in (source, target)]
            losses = -tf.math.log_sigmoid(judged[1])
            of_target = tf.reduce_mean(tf.stop_gradient(weights) * losses)
            of_source = tf.reduce_mean(-tf.math.log_sigmoid(-judged[0]))
            w1, w2 = (tf.concat([tf.reshape(w, [-1]) for w in c], 0) for c in classifiers)
            classification = tf.add_n(
                [-tf.reduce_mean(tf.gather(tf.math.log(tf.nn.softmax(x)), labels, batch_dims=1))
                 for x in logits[0]]
            )  # fmt: skip
            loss = (
                MultiSimilarityLoss()(source, labels)
                + 0.5 * classification
                + 0.2 * (tf.reduce_sum(w1 * w2) / (tf.norm(w1) * tf.norm(w2)) + 1.0)
                - 0.7 * of_target
            )
            if not detached:
                loss += 0.7 * tf.reduce_mean(weights * tf.stop_gradient(losses))
            discriminator_loss = of_source + of_target
        expected = []
        for rate, value, variables in (
            (0.5, loss, [*network.trainable_variables, *classifiers[0], *classifiers[1]]),
            (0.25, discriminator_loss, discriminator.trainable_variables),
        ):
            gradients = tape.gradient(value, variables)
            expected += [v - rate * g for v, g in zip(variables, gradients)]

        logs = model.train_step(batch)
        trained = (
            model.network.trainable_variables
            + model.classifiers.trainable_variables
            + model.discriminator.trainable_variables
        )
        self.assertAllClose(trained, expected, atol=1e-5)
        self.assertAllClose(logs["discriminator_loss"], discriminator_loss)
        self.assertAllClose(logs["local_alignment"], tf.reduce_mean(1.0 - cosine), atol=1e-6)

    def test_trains_in_a_graph_with_a_loss_and_branches_of_its_own(self):
        network = cifar_resnet(input_shape=(8, 8, 1), width=0.25, embedding_size=3)
        model = _model(
            network=with_branches(network=network, branches=("clean", "source")),
            loss=ArcFaceLoss(),
            loss_optimizer=_SGD(0.1),
            category_weights=None,
            one_forward=True,
        )
        dataset = tf.data.Dataset.from_tensors(_batch(shape=(8, 8, 1))).repeat()
        history = model.fit(dataset, steps_per_epoch=4, epochs=2, verbose=0).history
        self.assertLess(history["metric_loss"][1], history["metric_loss"][0])
        self.assertLess(history["classification_loss"][1], history["classification_loss"][0])
        self.assertEqual(
            [x.name for x in model.finished_network.layers], [x.name for x in network.layers]
        )

    def test_configuration_round_trip(self):
        model = _model(adversarial_weight=tf.keras.optimizers.schedules.PolynomialDecay(0.8, 4))
        again = CategoryAdversarialEmbeddingModel.from_config(model.get_config())
        self.assertEqual(again.category_weights.get_config(), model.category_weights.get_config())
        self.assertAllClose(again.adversarial_weight(0), 0.8)
        self.assertEqual(again.get_config()["discrepancy_weight"], 0.2)

    def test_refuses_data_that_does_not_fit(self):
        model, batch = _model(), _batch()
        model.check_data(batch)
        with self.assertRaisesRegex(ValueError, 'batches must hold {"source": {"image": ..., "l'):
            model.check_data({"image": batch["target"]["image"]})
        batch["target"]["image"] = tf.zeros([2, 5, 5, 1])
        with self.assertRaisesRegex(ValueError, r"\(4, 4, 1\), but the data gives \(5, 5, 1\)"):
            model.check_data(batch)

    @parameterized.parameters(
        (lambda: {"discriminator": _discriminator(size=4)}, r"embeddings \[B, 3\] into logits"),
        (lambda: {"category_weights": 1.0}, "category_weights must be CategoryWeights or None"),
        (lambda: {"classification_weight": -1.0}, "classification_weight must be a number"),
    )
    def test_refuses(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            _model(**arguments())


if __name__ == "__main__":
    tf.test.main()
