"""MDProp: batch-norm branches and multi-targeted adversarial examples."""

import contextlib
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from rtml_tf.attacks.branch_view import BranchView
from rtml_tf.attacks.inference_view import InferenceView
from rtml_tf.attacks.objective import distance
from rtml_tf.layers.branch_routing import CLEAN, mixed_batch
from rtml_tf.losses.metric_loss import MetricLoss
from rtml_tf.models.adversarial_branch import AdversarialBranch
from rtml_tf.models.batch_parts import part_sizes, split_rows
from rtml_tf.models.branch_combination import Combination, JointCombination
from rtml_tf.models.metric_model import MetricModel
from rtml_tf.models.model_config import serialized
from rtml_tf.models.pair_similarities import mean_pair_similarities
from rtml_tf.models.self_distillation import SelfDistillation
from rtml_tf.networks.branches import branches_of, clean_branch_of, with_branches
from rtml_tf.networks.checking import check_differentiable

Batch = dict[str, tf.Tensor]

_LOGGED_BY_BRANCH = ("loss", "embedding_shift", "perturbation_norm")


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class MDPropModel(MetricModel):
    """Trains a network on clean and on attacked images, each through batch norms of its own.

    Source: Singh, Kakizaki and Araki, "Advancing deep metric learning through multiple batch norms
    and multi-targeted adversarial examples", ACML 2023. A step on a batch X of N images:

    1. X is divided among the extra branches. The network in inference mode is attacked through each
       branch with that branch's images, for A_1, A_2, ...; MDProp moves them towards the
       embeddings of 1 and of 5 other images (`targeted_branches`).
    2. One pass in training mode takes all of [X, A_1, A_2, ...], X through the branch "clean" and
       each A_b through its own.
    3. The metric loss is taken of all rows, together or by branch (`combination`).

    The finished network is the branch "clean" as a plain network: evaluation and export see nothing
    of the rest. With one extra branch that raises the metric loss, this is AdvProp (Xie et al.,
    CVPR 2020) for metric learning.

    Where N is not divisible, the first branches get an image more. Under a distribution strategy
    every replica does this with its own part of the batch: images are divided and targets are drawn
    within it. What crosses replicas is, with "global" negatives, the loss, and so every step of an
    attack that raises it (a branch without an objective, as of AdvProp); and batch statistics, if
    `with_branches` was told so.

    What losses learn without gradients (centres, see `MetricLoss.update_state`) follows the clean
    rows alone: it is their branch that is evaluated and finished.

    In forward passes of N images, a step whose extra branches have S N images in all (S is 1, or
    with `whole_batch` the number of branches), T N of them in branches with targets, and whose
    attacks take k steps costs T for the targets, 2 k S for the attacks and 3 (1 + S) for the
    update: 9 with `targeted_branches` and k = 1, where a step of metric learning costs 3. The
    targets cost nothing if their objective has `own_pass=False`, which `targeted_branches` gives to
    `FastGradientMethod`; searches that take steps pay for them, even with one step.

    Beside what `MetricModel` logs (of the clean rows), for each extra branch: the metric loss of
    its rows, the mean L2 distance between the embeddings of its images and of the clean ones in the
    same pass (each through its own branch), and the mean norm of the perturbations.

    Attributes:
        branches: What makes the images of each extra branch, by name.
        combination: How the loss is taken of the branches.
        whole_batch: Whether every branch attacks the whole batch.
        shared_batch_norm: Whether there is one batch norm for all images.
        attack_dtype: Type that attack passes compute in.
    """

    def __init__(
        self,
        *,
        network: tf.keras.Model,
        loss: MetricLoss,
        branches: Mapping[str, AdversarialBranch],
        combination: Combination | None = None,
        whole_batch: bool = False,
        shared_batch_norm: bool = False,
        attack_dtype: str = "float32",
        self_distillation: SelfDistillation | None = None,
        loss_optimizer: tf.keras.optimizers.Optimizer | None = None,
        seed: int = 0,
        name: str | None = None,
    ):
        """Joins a network, a loss and attacks.

        Args:
            network: Images in, L2-normalised embeddings out. A network with plain batch norms is
                given branches, in a copy that the model trains; one that has these branches (from
                `with_branches`, with other options) is trained as it is.
            loss: Any metric loss of the toolkit.
            branches: What makes the images of each branch beside "clean", by name, in the order in
                which the batch is divided.
            combination: How the loss is taken of the branches; `None`: `JointCombination()`, as in
                the authors' code.
            whole_batch: Whether every branch attacks the whole batch, instead of its part of it.
            shared_batch_norm: Whether all images go through the same batch norms, for comparison;
                the network is then trained as it is.
            attack_dtype: Type that attack passes compute in: "float32", "bfloat16" or "float16".
                The update keeps the type of the network.
            self_distillation: See `MetricModel`; it takes the rows that the loss takes.
            loss_optimizer: Optimizer of the loss's own weights; `None`: the model's optimizer.
            seed: Seed of targets and random starts.
            name: Keras name of the model.

        Raises:
            ValueError: If there is no extra branch, an argument is something else, the network has
                other branches or nothing to give branches to, or the combination does not fit.
        """
        branches = _checked(branches)
        combination = JointCombination() if combination is None else combination
        if not isinstance(combination, Combination):
            raise ValueError(f"combination must be a Combination, got {combination!r}.")
        combination.check((CLEAN, *branches))
        # Read by the constructor of the base.
        self.logged = (
            *MetricModel.logged,
            f"{CLEAN}_loss",
            *(f"{name}_{value}" for name in branches for value in _LOGGED_BY_BRANCH),
        )
        super().__init__(
            network=_branched(network, branches, shared_batch_norm),
            loss=loss,
            self_distillation=self_distillation,
            loss_optimizer=loss_optimizer,
            seed=seed,
            name=name,
        )
        self.branches = branches
        self.combination = combination
        self.whole_batch = bool(whole_batch)
        self.shared_batch_norm = bool(shared_batch_norm)
        self.attack_dtype = attack_dtype
        self._views = {name: self._view(name) for name in branches}
        self._finished = clean_branch_of(self.network)

    @property
    def finished_network(self) -> tf.keras.Model:
        """The branch "clean" as a plain network, with the weights as of this access.

        With `shared_batch_norm` it is the network itself.
        """
        return self._finished()

    def check_data(self, element_spec: Any) -> None:
        """See `TrainingModel`; also refuses what the attacks of the branches cannot work on.

        That is, batches that are too small for the branches, and a network that passes no gradient
        to its images where an attack needs it.
        """
        super().check_data(element_spec)
        fewest = self._fewest_images
        if self.whole_batch:
            fewest = {"whole": max(fewest.values())}
        part_sizes(element_spec["image"].shape[0], fewest)
        if any(branch.attack.needs_gradient for branch in self.branches.values()):
            check_differentiable(self.network, element_spec["image"].shape[1:])

    def attacked(self, batch: Batch) -> tf.Tensor:
        """The images of `batch` after this step's attacks, each by the branch of its part."""
        attacked = [self._attacked(name, part) for name, part in self._divided(batch).items()]
        return tf.concat(attacked, axis=0)

    def train_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        parts = self._parts(batch)
        attacked = {name: self._attacked(name, part) for name, part in parts.items()}
        images = {CLEAN: batch["image"], **attacked}
        labels = {CLEAN: batch["label"], **{name: part["label"] for name, part in parts.items()}}
        with tf.GradientTape() as tape:
            outputs = self._mixed_outputs(images)
            loss = self.combination(self.training_loss, outputs, labels)
        logs = self._logs(images, outputs, labels)
        self.gradient_step(tape, loss)
        self.update_losses(outputs[CLEAN], labels[CLEAN])
        return self.log(loss=loss, **logs)

    def _attacked(self, name: str, batch: Batch) -> tf.Tensor:
        """The images of `batch` attacked through a branch."""
        seed = tf.random.experimental.stateless_fold_in(
            self.step_seed(), list(self.branches).index(name)
        )
        return self.branches[name].attacked(
            self._views[name],
            batch,
            loss_objective=self.loss_objective(),
            step=self.step,
            seed=seed,
        )

    def _mixed_outputs(self, images: Batch) -> dict[str, dict[str, Any]]:
        """One pass in training mode over the images of all branches: its outputs by branch."""
        rows = {name: part.shape[0] for name, part in images.items()}
        route = contextlib.nullcontext() if self.shared_batch_norm else mixed_batch(rows)
        with route:
            outputs = self.training_outputs(tf.concat(list(images.values()), axis=0))
        return split_rows(outputs, rows)

    def _parts(self, batch: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """What each extra branch works on: its part of a batch, or the whole of it."""
        return dict.fromkeys(self.branches, batch) if self.whole_batch else self._divided(batch)

    def _divided(self, batch: dict[str, Any]) -> dict[str, dict[str, Any]]:
        return split_rows(batch, part_sizes(batch["image"].shape[0], self._fewest_images))

    @property
    def _fewest_images(self) -> dict[str, int]:
        return {name: branch.fewest_images for name, branch in self.branches.items()}

    def _logs(self, images, outputs, labels) -> dict[str, tf.Tensor]:
        """What is logged beside the loss; before the step, which moves the loss's weights."""
        embeddings = {name: tf.cast(x["embedding"], tf.float32) for name, x in outputs.items()}
        clean = self._parts({"image": images[CLEAN], "embedding": embeddings[CLEAN]})
        logs = mean_pair_similarities(embeddings[CLEAN], labels[CLEAN])
        for name, branch_labels in labels.items():
            logs[f"{name}_loss"] = self.embedding_loss(embeddings[name], branch_labels)
        for name, branch in self.branches.items():
            shift = distance(embeddings[name], clean[name]["embedding"])
            norm = branch.attack.ball.norm(images[name] - clean[name]["image"])
            logs[f"{name}_embedding_shift"] = tf.reduce_mean(shift)
            logs[f"{name}_perturbation_norm"] = tf.reduce_mean(norm)
        return logs

    def _view(self, name: str) -> InferenceView:
        if self.shared_batch_norm:
            return InferenceView(network=self.network, compute_dtype=self.attack_dtype)
        return BranchView(network=self.network, branch=name, compute_dtype=self.attack_dtype)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "branches": {name: serialized(branch) for name, branch in self.branches.items()},
            "combination": serialized(self.combination),
            "whole_batch": self.whole_batch,
            "shared_batch_norm": self.shared_batch_norm,
            "attack_dtype": self.attack_dtype,
        }


def _checked(branches: Mapping[str, AdversarialBranch]) -> dict[str, AdversarialBranch]:
    branches = dict(branches)
    if not branches or CLEAN in branches:
        raise ValueError(f"branches must be at least one beside {CLEAN!r}, got {sorted(branches)}.")
    for name, branch in branches.items():
        if not isinstance(branch, AdversarialBranch):
            raise ValueError(f"branches[{name!r}] must be an AdversarialBranch, got {branch!r}.")
    return branches


def _branched(
    network: tf.keras.Model, branches: Mapping[str, AdversarialBranch], shared: bool
) -> tf.keras.Model:
    """The network that is trained: with these branches, or without any."""
    there, wanted = branches_of(network), () if shared else (CLEAN, *branches)
    if there and set(there) != set(wanted):
        raise ValueError(
            f"network {network.name!r} must have the branches {wanted} or plain batch norms, got "
            f"the branches {there}."
        )
    return network if there or shared else with_branches(network=network, branches=wanted)
