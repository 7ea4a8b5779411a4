"""Batch normalisation with one branch for each distribution of images."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from rtml_tf.layers.branch_routing import CLEAN, Route, current_route


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class MultiBatchNormalization(tf.keras.layers.Layer):
    """Several batch norms in one place, of which each row of a batch goes through one.

    Clean and attacked images have different statistics; normalised together, neither gets its
    own (AdvProp, Xie et al., CVPR 2020; MDProp, Singh et al., ACML 2023). Each branch is a Keras
    batch norm with statistics of its own, and with scale and shift of its own unless they are
    shared. Which rows go through which branch is said around the call of the network, by
    `branch_routing.branch` or `branch_routing.mixed_batch`; what is not routed is "clean".

    In a mixed batch each branch normalises its rows by themselves, so convolutions before and after
    still run once over all rows. Running statistics move only where rows went through.

    Call arguments:
        inputs: `[B, ...]`.
        training: As for `tf.keras.layers.BatchNormalization`.

    Call returns:
        What the inputs were, of the same shape.

    Attributes:
        branches: Names of the branches.
        shared_affine: Whether all branches have one scale and one shift.
        gamma: The shared scale `[C]`, None where there is none.
        beta: The shared shift `[C]`, None where there is none.
    """

    def __init__(
        self,
        *,
        branches: Sequence[str] = (CLEAN, "single", "multi"),
        shared_affine: bool = False,
        axis: int = -1,
        center: bool = True,
        scale: bool = True,
        synchronized: bool = False,
        name: str | None = None,
        trainable: bool = True,
        dtype: Any = None,
        **batch_norm: Any,
    ):
        """Makes one batch norm a branch.

        Args:
            branches: At least one name, with "clean" among them. They are part of the names of
                weights: letters, digits, "_" and "-".
            shared_affine: Whether all branches have one scale and one shift.
            axis: The axis of channels.
            center: Whether there is a shift.
            scale: Whether there is a scale.
            synchronized: Whether batch statistics are those of the rows of all replicas.
            name: Keras name of the layer.
            trainable: `False` is inference mode for every branch, as in Keras.
            dtype: Type or policy of the layer.
            **batch_norm: More arguments of `tf.keras.layers.BatchNormalization`.

        Raises:
            ValueError: If the branches are not as said.
        """
        super().__init__(name=name, dtype=dtype, trainable=trainable)
        branches = tuple(branches)
        if CLEAN not in branches or len(set(branches)) < len(branches):
            raise ValueError(
                f"branches must be different names with {CLEAN!r} among them, got {branches}."
            )
        for branch in branches:
            # Graphs refuse a space only when a batch goes through; SavedModels cannot read a dot.
            if not (isinstance(branch, str) and re.fullmatch(r"[A-Za-z0-9_-]+", branch)):
                raise ValueError(
                    "Each name of branches must be letters, digits, '_' and '-', got "
                    f"{branch!r} in {branches}."
                )
        self.branches = branches
        self.shared_affine = bool(shared_affine)
        self.center, self.scale, self.synchronized = center, scale, synchronized
        self._batch_norms = {
            branch: tf.keras.layers.BatchNormalization(
                axis=axis,
                center=center and not shared_affine,
                scale=scale and not shared_affine,
                synchronized=synchronized,
                name=branch,
                trainable=trainable,
                dtype=self.dtype_policy,
                **batch_norm,
            )
            for branch in branches
        }
        self.gamma = self.beta = None

    def build(self, input_shape: tf.TensorShape) -> None:
        for branch, batch_norm in self._batch_norms.items():
            # All branches, whichever runs first; the scope keeps the names of weights apart.
            with tf.name_scope(branch):
                batch_norm.build(input_shape)
        if self.shared_affine:
            self._build_affine(tf.TensorShape(input_shape))
        super().build(input_shape)

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        route = current_route()
        inputs = self._checked(inputs, route)
        if len(route) == 1:
            outputs = self.batch_norm(route[0][0])(inputs, training=training)
        else:
            parts = tf.split(inputs, [rows for _, rows in route])
            outputs = tf.concat(
                [
                    self.batch_norm(branch)(part, training=training)
                    for (branch, _), part in zip(route, parts)
                ],
                axis=0,
            )
        if self.gamma is not None:
            outputs *= self._along_channels(self.gamma, outputs)
        if self.beta is not None:
            outputs += self._along_channels(self.beta, outputs)
        return outputs

    def batch_norm(self, branch: str) -> tf.keras.layers.BatchNormalization:
        """The batch norm of one branch (without scale and shift where those are shared).

        Raises:
            ValueError: If there is no such branch.
        """
        if branch not in self._batch_norms:
            raise ValueError(
                f"branch must be one of those of {self.name!r}, {self.branches}, got {branch!r}."
            )
        return self._batch_norms[branch]

    def branch_weights(self, branch: str) -> list[np.ndarray]:
        """The weights of a plain batch norm that computes what this branch does."""
        weights = self.batch_norm(branch).get_weights()
        return [variable.numpy() for variable in self._shared_variables] + weights

    def set_branch_weights(self, branch: str, weights: Sequence[np.ndarray]) -> None:
        """Makes a branch compute what a plain batch norm with these weights does."""
        shared = self._shared_variables
        for variable, value in zip(shared, weights):
            variable.assign(value)
        self.batch_norm(branch).set_weights(weights[len(shared) :])

    def batch_norm_config(self) -> dict[str, Any]:
        """The configuration of a plain batch norm in place of this layer."""
        own = {"center": self.center, "scale": self.scale, "synchronized": self.synchronized}
        return self._batch_norms[CLEAN].get_config() | super().get_config() | own

    def compute_output_shape(self, input_shape: tf.TensorShape) -> tf.TensorShape:
        return tf.TensorShape(input_shape)

    def get_config(self) -> dict[str, Any]:
        return self.batch_norm_config() | {
            "branches": list(self.branches),
            "shared_affine": self.shared_affine,
        }

    def _checked(self, inputs: tf.Tensor, route: Route) -> tf.Tensor:
        """The inputs, if the route fits this layer and them."""
        unknown = [branch for branch, _ in route if branch not in self.branches]
        if unknown:
            raise ValueError(
                f"The route {dict(route)} goes through {', '.join(map(repr, unknown))}, but the "
                f"branches of {self.name!r} are {self.branches}."
            )
        rows, size = [rows for _, rows in route if rows is not None], inputs.shape[0]
        count = sum(rows)
        if not rows or size == count:
            return inputs
        misfit = f"The route {dict(route)} is for {count} rows, but {self.name!r} got a batch of"
        if size is not None:
            raise ValueError(f"{misfit} {size}.")
        size = tf.shape(inputs)[0]
        check = tf.debugging.Assert(tf.equal(size, count), [misfit, size])
        # Before the rows are divided, whose own error would not name the route.
        with tf.control_dependencies([check]):
            return tf.identity(inputs)

    @property
    def _shared_variables(self) -> list[tf.Variable]:
        return [variable for variable in (self.gamma, self.beta) if variable is not None]

    def _build_affine(self, input_shape: tf.TensorShape) -> None:
        like = self._batch_norms[CLEAN]
        if len(like.axis) != 1:
            raise ValueError(f"shared_affine needs one axis of channels, got axis={like.axis}.")
        shape = [input_shape[like.axis[0]]]
        for kind, wanted in (("gamma", self.scale), ("beta", self.center)):
            if wanted:
                variable = self.add_weight(
                    name=kind,
                    shape=shape,
                    dtype=like.moving_mean.dtype,
                    initializer=getattr(like, f"{kind}_initializer"),
                    regularizer=getattr(like, f"{kind}_regularizer"),
                    constraint=getattr(like, f"{kind}_constraint"),
                    experimental_autocast=False,
                )
                setattr(self, kind, variable)

    def _along_channels(self, variable: tf.Variable, outputs: tf.Tensor) -> tf.Tensor:
        shape = [1] * outputs.shape.rank
        shape[self._batch_norms[CLEAN].axis[0]] = -1
        return tf.cast(tf.reshape(variable, shape), outputs.dtype)
