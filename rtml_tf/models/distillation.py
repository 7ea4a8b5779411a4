"""A small target metric from a frozen source metric by embedding imitation (RMT, stage 2)."""

from typing import Any

import tensorflow as tf
from absl import logging

from rtml_tf.attacks.inference_view import InferenceView
from rtml_tf.layers.replicas import mean_over_replicas
from rtml_tf.losses import arguments, pairs
from rtml_tf.losses.imitation_loss import ImitationLoss
from rtml_tf.losses.metric_loss import MetricLoss
from rtml_tf.models.model_config import serialized
from rtml_tf.models.pair_similarities import mean_similarity_difference
from rtml_tf.models.training_model import TrainingModel
from rtml_tf.networks.checking import check_input_shape, check_network
from rtml_tf.networks.joining import join_networks
from rtml_tf.networks.projection import projection_network
from rtml_tf.networks.view_network import behind_view


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class DistillationModel(TrainingModel):
    """Trains a student to embed its view of an example as a teacher embeds another view of it.

        L = L_imitation(g(z), f(x)) + b L_m(g(z), y)

    Source: RMT (Yang et al., MMSP 2022), stage 2, with teacher `f` on `x` and student `g` on `z`.
    The metric loss is optional and is taken of the labelled examples of a batch alone; imitation
    takes all.

    Batches are `{"source": x, "target": z, "label": int32 [B]}`, where a label of -1 says that it
    is not known. The teacher is used in inference mode through its clean branch. It is no part of
    the model for Keras: it is not trained, and neither checkpoints nor the finished network hold
    it. Without a teacher `x` are its embeddings, computed beforehand. (What augmentation does to
    the student's view is then unknown to the teacher, see
    `rtml_tf.evaluation.teacher_embeddings`.)

    Where the imitation loss compares the embeddings themselves and they are of different sizes, a
    linear projection with unit length behind it leads from the student's to the teacher's. The
    finished network is the student without it, or, with `keep_projection`, the student that ends
    in it; the metric loss is taken of what the finished network gives.

    Logged are the loss and its parts, and the mean absolute difference between the cosine
    similarities of student and teacher over all pairs of the batch ("similarity_error", in
    [0, 2]), which means the same for every imitation loss.

    Attributes:
        student: The student as it is trained: target views in, embeddings out. It shares its
            weights with `network`, which takes images where the student has a view of its own.
        imitation: The imitation loss.
        metric_loss: The metric loss, or None.
        metric_weight: `b`.
        projection: The projection that is dropped in the end, or None.
    """

    logged = ("loss", "imitation_loss", "metric_loss", "similarity_error")

    def __init__(
        self,
        *,
        student: tf.keras.Model,
        imitation: ImitationLoss,
        teacher: tf.keras.Model | None,
        teacher_size: int | None = None,
        teacher_dtype: str = "float32",
        view: tf.keras.Model | None = None,
        keep_projection: bool = False,
        metric_loss: MetricLoss | None = None,
        metric_weight: float = 1.0,
        loss_optimizer: tf.keras.optimizers.Optimizer | None = None,
        seed: int = 0,
        name: str | None = None,
    ):
        """Joins student, teacher and losses.

        Args:
            student: Target views in, L2-normalised embeddings out. With a view or a projection that
                is kept, a copy of it is trained.
            imitation: How the student imitates.
            teacher: Source views in, L2-normalised embeddings out; `None`: the source views are
                its embeddings.
            teacher_size: Size of the teacher's embeddings; only without a teacher. `None`: that of
                the student's.
            teacher_dtype: Type that the teacher computes in: "float32", "bfloat16" or "float16".
            view: The network without weights from images to target views (see `view_network`) that
                stands in front of the finished network, so that it takes images. `None`: the
                finished network takes what the student takes.
            keep_projection: Whether a projection is part of the finished network.
            metric_loss: A loss on the labelled examples; `None`: imitate only.
            metric_weight: `b`, above 0.
            loss_optimizer: Optimizer of the metric loss's own weights; `None`: that of the model.
            seed: Seed of whatever is drawn at random in a step.
            name: Keras name of the model.

        Raises:
            ValueError: If an argument is something else, or they do not fit each other.
        """
        check_network(student)
        if not isinstance(imitation, ImitationLoss):
            raise ValueError(f"imitation must be an ImitationLoss, got {imitation!r}.")
        if metric_loss is not None and not isinstance(metric_loss, MetricLoss):
            raise ValueError(f"metric_loss must be a MetricLoss or None, got {metric_loss!r}.")
        student_size = student.output_shape[-1]
        if teacher is not None:
            check_network(teacher)
            if teacher_size is not None:
                raise ValueError(
                    f"teacher_size must be left out where there is a teacher, got {teacher_size}."
                )
            teacher_size = teacher.output_shape[-1]
        elif teacher_size is None:
            teacher_size = student_size
        projection = None
        if imitation.needs_equal_sizes and teacher_size != student_size:
            projection = projection_network(input_size=student_size, output_size=teacher_size)
            if keep_projection:
                student, projection = join_networks(first=student, second=projection), None
        network = student
        if view is not None:
            network, student = behind_view(view=view, student=student)
        super().__init__(network=network, loss_optimizer=loss_optimizer, seed=seed, name=name)
        self.student = student
        self.imitation = imitation
        self.metric_loss = metric_loss
        self.metric_weight = arguments.positive("metric_weight", metric_weight)
        self.projection = projection
        self._view = view
        self._keep_projection = keep_projection
        self._teacher_size = teacher_size
        # Keras tracks layers and models, and does not look into an InferenceView.
        self._teacher_view = None
        if teacher is not None:
            self._teacher_view = InferenceView(network=teacher, compute_dtype=teacher_dtype)
        self._teacher_dtype = teacher_dtype

    @property
    def teacher(self) -> tf.keras.Model | None:
        """The teacher, or None where batches hold its embeddings."""
        return None if self._teacher_view is None else self._teacher_view.network

    @property
    def loss_variables(self) -> list[tf.Variable]:
        return [] if self.metric_loss is None else self.metric_loss.trainable_variables

    def check_data(self, element_spec: Any) -> None:
        """Refuses batches that are not pairs of views that teacher and student take.

        Args:
            element_spec: The `tf.TensorSpec` of each part of a batch.

        Raises:
            ValueError: If a part is missing or of another shape.
        """
        missing = {"source", "target", "label"} - set(element_spec)
        if missing:
            raise ValueError(
                "batches must hold source, target and label (see PairedBatches), got "
                f"{', '.join(element_spec)}."
            )
        source = element_spec["source"].shape[1:]
        if self.teacher is not None:
            _check_view("source", self.teacher, source)
        elif source.as_list() != [self._teacher_size]:
            raise ValueError(
                "without a teacher the source views must be its embeddings, of shape "
                f"{(self._teacher_size,)} (teacher_size), but the data gives {tuple(source)}."
            )
        _check_view("target", self.student, element_spec["target"].shape[1:])

    def prepare(self, *, num_classes: int) -> None:
        """See the base class.

        Raises:
            ValueError: If the metric loss divides its class weights among several replicas.
        """
        if self.metric_loss is not None:
            if num_classes < 2:
                logging.warning(
                    "metric_loss has nothing to learn from: batches have no labels of two classes. "
                    "PairedBatches takes labelled examples with a sampler."
                )
            self.metric_loss.prepare(num_classes=num_classes)
            if not self.metric_loss.built:
                self.metric_loss.build(self.student.output_shape)
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        if self.sharded_rows and replicas > 1:
            # The loss is left out of steps without labels, and replicas cannot meet in a branch.
            raise ValueError(
                "metric_loss must not divide its class weights among replicas here, got "
                f"{self.metric_loss!r} on {replicas} replicas."
            )
        super().prepare(num_classes=num_classes)

    def train_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        taught, labels = self._teacher_embeddings(batch["source"]), batch["label"]
        with tf.GradientTape() as tape:
            embeddings = self.student(batch["target"], training=True)
            losses = self._loss_and_parts(embeddings, taught, labels)
        self.gradient_step(tape, losses["loss"])
        if self.metric_loss is not None:
            self.metric_loss.update_state(*_labelled(embeddings, labels))
        return self.log(**losses, similarity_error=mean_similarity_difference(embeddings, taught))

    def test_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        taught, labels = self._teacher_embeddings(batch["source"]), batch["label"]
        embeddings = self.student(batch["target"], training=False)
        losses = self._loss_and_parts(embeddings, taught, labels)
        return self.log(**losses, similarity_error=mean_similarity_difference(embeddings, taught))

    def _teacher_embeddings(self, source: tf.Tensor) -> tf.Tensor:
        embeddings = source if self._teacher_view is None else self._teacher_view(source)
        return tf.stop_gradient(embeddings)

    def _loss_and_parts(
        self, embeddings: tf.Tensor, taught: tf.Tensor, labels: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """The loss under "loss", and its parts, on all replicas."""
        embeddings, taught, labels = self.of_all_replicas((embeddings, taught, labels))
        projected = embeddings if self.projection is None else self.projection(embeddings)
        imitation_loss = self.imitation(projected, taught)
        if self.metric_loss is None:
            return {"loss": imitation_loss, "imitation_loss": imitation_loss}
        has_labels = tf.reduce_any(labels >= 0)
        metric_loss = pairs.zero_unless(
            has_labels, lambda: self.metric_loss(*_labelled(embeddings, labels)), embeddings
        )
        if self.negatives == "local":
            # The first replicas hold the labelled examples: the mean is one over those.
            share = mean_over_replicas(tf.cast(has_labels, tf.float32))
            metric_loss = tf.math.divide_no_nan(metric_loss, share)
        return {
            "loss": imitation_loss + self.metric_weight * metric_loss,
            "imitation_loss": imitation_loss,
            "metric_loss": metric_loss,
        }

    def get_config(self) -> dict[str, Any]:
        return {
            "student": serialized(self.student),
            "imitation": serialized(self.imitation),
            "teacher": serialized(self.teacher),
            "teacher_size": self._teacher_size if self.teacher is None else None,
            "teacher_dtype": self._teacher_dtype,
            "view": serialized(self._view),
            "keep_projection": self._keep_projection,
            "metric_loss": serialized(self.metric_loss),
            "metric_weight": self.metric_weight,
            "loss_optimizer": serialized(self.loss_optimizer),
            "seed": self.seed,
            "name": self.name,
        }

    def optimizers_and_variables(self):
        (optimizer, variables), *others = super().optimizers_and_variables()
        if self.projection is not None:
            variables = variables + self.projection.trainable_variables
        return [(optimizer, variables), *others]


def _labelled(embeddings: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The rows of a batch whose label is known."""
    known = labels >= 0
    return tf.boolean_mask(embeddings, known), tf.boolean_mask(labels, known)


def _check_view(name: str, network: tf.keras.Model, shape: tf.TensorShape) -> None:
    try:
        check_input_shape(network, shape)
    except ValueError as error:
        raise ValueError(f"The {name} views do not fit. {error}") from error
