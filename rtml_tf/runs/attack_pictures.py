"""Pictures of what an attack does to some images, as training goes on."""

import numpy as np
import tensorflow as tf

from rtml_tf.data.pk_sampler import PKSampler
from rtml_tf.data.source import ImageSource


class AttackPictures(tf.keras.callbacks.Callback):
    """Shows clean images, their perturbations and the attacked images in TensorBoard.

    One picture with a column for each image: above the clean one, in the middle `0.5 +
    amplification * perturbation` (grey where nothing changes), below the attacked one. The images
    stay the same throughout; the attack is the one that the model trains with, at its current
    epsilon, on the network in inference mode. It is traced once.

    The picture goes to the default summary writer, at the step of the run: a batch is one, however
    many gradient steps the model takes with it. Without a writer nothing is shown.
    """

    def __init__(
        self,
        *,
        source: ImageSource,
        every_steps: int,
        count: int = 8,
        batch_size: int = 64,
        amplification: float = 16.0,
        seed: int = 0,
    ):
        """Chooses the images, two of a class, so that a metric loss has pairs to work on.

        Args:
            source: What is trained on: losses with class weights know its labels only.
            every_steps: Batches from one picture to the next; the first comes after so many.
            count: Number of images shown, even.
            batch_size: Number of images attacked together, of which the first are shown; less
                where the source has fewer classes. Few images would soon be told apart so well
                that a loss with mining has nothing left to raise.
            amplification: Factor on perturbations. With 16 an epsilon of 8/255 goes from black to
                white.
            seed: Of the choice of images.

        Raises:
            ValueError: If an argument is out of range, or images have not 1, 3 or 4 channels.
        """
        super().__init__()
        if every_steps < 1:
            raise ValueError(f"every_steps must be at least 1, got {every_steps}.")
        if count < 2 or count % 2:
            raise ValueError(f"count must be even and at least 2, got {count}.")
        if not amplification > 0:
            raise ValueError(f"amplification must be above 0, got {amplification}.")
        if source.image_shape[-1] not in (1, 3, 4):
            raise ValueError(
                "TensorBoard shows images of 1, 3 or 4 channels, got a source of images of shape "
                f"{source.image_shape}."
            )
        if batch_size < count:
            raise ValueError(f"batch_size must be at least count={count}, got {batch_size}.")
        classes = max(count // 2, min(batch_size // 2, source.num_classes))
        sampler = PKSampler(classes_per_batch=classes, images_per_class=2, seed=seed)
        self._indices = sampler.plan(source.labels).batch(epoch=0, step=0)
        self._source = source
        self._every_steps = every_steps
        self._count = count
        self._amplification = amplification

    def set_model(self, model: tf.keras.Model) -> None:
        """Takes the model; a `ValueError` if it attacks nothing."""
        if not hasattr(model, "attacked"):
            raise ValueError(
                "AttackPictures needs a model that attacks its batches, such as "
                f"JointAdversarialModel, got {type(model).__name__}."
            )
        super().set_model(model)

    def on_train_begin(self, logs=None) -> None:
        del logs
        images = tf.data.Dataset.from_tensor_slices(self._indices).map(self._source.load)
        labels = np.asarray(self._source.labels)[self._indices]
        batch = {
            "image": images.batch(len(self._indices)).get_single_element(),
            "label": tf.constant(labels, tf.int32),
        }
        self._picture = tf.function(lambda: self._drawn(batch))

    def on_epoch_begin(self, epoch: int, logs=None) -> None:
        del logs
        self._first_step = epoch * self.params["steps"]

    def on_train_batch_end(self, batch: int, logs=None) -> None:
        del logs
        step = self._first_step + batch + 1
        if step % self._every_steps == 0 and tf.summary.should_record_summaries():
            name = f"attack/clean, perturbation x {self._amplification:g}, attacked"
            tf.summary.image(name, self._picture(), step=step)

    def _drawn(self, batch: dict[str, tf.Tensor]) -> tf.Tensor:
        attacked = self.model.attacked(batch)
        perturbation = 0.5 + self._amplification * (attacked - batch["image"])
        rows = [batch["image"], tf.clip_by_value(perturbation, 0.0, 1.0), attacked]
        # [count, H, W, C] -> [H, count * W, C], then one below the other.
        rows = [tf.concat(tf.unstack(row[: self._count]), axis=1) for row in rows]
        return tf.concat(rows, axis=0)[tf.newaxis]
