"""Small networks and a batch for tests of adapted segmentation, and the steps by the formulas."""

import numpy as np
import tensorflow as tf

from rtml_tf.losses.local_alignment import CategoryWeights
from rtml_tf.models.category_adversarial import CategoryAdversarialModel
from rtml_tf.networks.discriminator import map_discriminator

SGD = tf.keras.optimizers.SGD


def small_generator():
    """A feature map of half the size with batch norm, and two linear heads."""
    tf.keras.utils.set_random_seed(0)
    image = tf.keras.Input((None, None, 1), name="image")
    x = tf.keras.layers.Conv2D(3, 2, strides=2, name="stem")(image)
    x = tf.keras.layers.BatchNormalization(name="norm")(x)
    x = tf.keras.layers.Activation("tanh", name="features")(x)
    heads = {
        head: tf.keras.layers.Conv2D(3, 1, kernel_initializer="random_normal", name=f"{head}_x")
        for head in ("p1", "p2")
    }
    network = tf.keras.Model(image, {head: layer(x) for head, layer in heads.items()})
    network.set_weights([tf.random.normal(w.shape) ** 2 for w in network.weights])
    return network


def small_discriminator(seed=1, size=None):
    tf.keras.utils.set_random_seed(seed)
    network = map_discriminator(input_shape=(size, size, 3), filters=(4,))
    network.set_weights([4.0 * w for w in network.get_weights()])
    return network


def two_domain_batch(target_shape=(3, 4, 12)):
    rng = np.random.default_rng(0)
    mask = rng.integers(0, 3, size=(2, 8, 8)).astype(np.int32)
    mask[0, :2] = 255
    images = [rng.uniform(size=(*s, 1)).astype(np.float32) for s in ((2, 8, 8), target_shape)]
    return tf.nest.map_structure(
        tf.constant,
        {"source": {"image": images[0], "mask": mask}, "target": {"image": images[1]}},
    )


def spec_of(batch):
    return tf.nest.map_structure(lambda x: tf.TensorSpec([None, *x.shape[1:]], x.dtype), batch)


def adversarial_model(kind=CategoryAdversarialModel, rate=1.0, discriminator_rate=1.0, **arguments):
    arguments = {
        "generator": small_generator(),
        "discriminator": small_discriminator(),
        "discriminator_optimizer": SGD(discriminator_rate),
        "category_weights": CategoryWeights(lambda_local=3.0),
        "adversarial_weight": 0.7,
        "discrepancy_weight": 0.2,
        **arguments,
    }
    model = kind(**arguments)
    model.compile(optimizer=SGD(rate))
    model.prepare(num_classes=3)
    return model


def binary_cross_entropy(logits, label):
    return -tf.math.log_sigmoid(logits if label else -logits)


def reference_step(
    adversarial,
    sees=tf.nn.softmax,
    levels=((1, ("p1", "p2"), 1.0),),
    head_weights=1.0,
    resize=tf.image.resize,
):
    """The gradients of G and of D by the formulas, with fixed pixel weights, on fresh networks.

    Args:
        adversarial: What G lowers, of D's logits on the target, before weights and mean.
        sees: What D sees, of logits.
        levels: Seed of the discriminator, its heads and its factor, of each level.
        head_weights: Of the segmentation loss.
        resize: Resizes maps to a size.
    """
    generator, batch = small_generator(), two_domain_batch()
    discriminators = [small_discriminator(seed) for seed, *_ in levels]
    mask = batch["source"]["mask"].numpy()
    known = (mask != 255).astype(np.float32)
    resized = {}

    def judged(discriminator, maps):
        return resize(discriminator(maps), maps.shape[1:3])[..., 0]

    with tf.GradientTape(persistent=True) as tape:
        for domain in ("source", "target"):
            images = batch[domain]["image"]
            outputs = generator(images, training=True)
            resized[domain] = {k: resize(x, images.shape[1:3]) for k, x in outputs.items()}
        p1, p2 = (tf.nn.softmax(resized["target"][head]) for head in ("p1", "p2"))
        cosines = tf.reduce_sum(p1 * p2, -1) / (tf.norm(p1, axis=-1) * tf.norm(p2, axis=-1))
        weights = tf.stop_gradient(3.0 * (1.0 - cosines) + 0.4)
        w1, w2 = (
            tf.concat([tf.reshape(w, [-1]) for w in generator.get_layer(name).weights], 0)
            for name in ("p1_x", "p2_x")
        )
        loss = 0.2 * (tf.reduce_sum(w1 * w2) / (tf.norm(w1) * tf.norm(w2)) + 1.0)
        labels = np.where(mask == 255, 0, mask)
        for head, weight in zip(("p1", "p2"), np.broadcast_to(head_weights, 2)):
            losses = tf.keras.losses.sparse_categorical_crossentropy(
                labels, resized["source"][head], from_logits=True
            )
            loss += weight * tf.reduce_sum(known * losses) / known.sum()
        discriminator_loss = 0.0
        for discriminator, (_, heads, factor) in zip(discriminators, levels):
            source, target = (
                sees(tf.add_n([resized[domain][head] for head in heads]))
                for domain in ("source", "target")
            )
            loss += (
                0.7 * factor * tf.reduce_mean(weights * adversarial(judged(discriminator, target)))
            )
            discriminator_loss += tf.reduce_mean(
                binary_cross_entropy(judged(discriminator, source), 0)
            )
            discriminator_loss += tf.reduce_mean(
                weights * binary_cross_entropy(judged(discriminator, target), 1)
            )
    of_generator = tape.gradient(loss, generator.trainable_variables)
    variables = [v for x in discriminators for v in x.trainable_variables]
    of_discriminators = tape.gradient(discriminator_loss, variables)
    return (
        [v - g for v, g in zip(generator.trainable_variables, of_generator)],
        [v - g for v, g in zip(variables, of_discriminators)],
    )
