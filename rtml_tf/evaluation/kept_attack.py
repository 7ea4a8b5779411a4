"""What an attack has found on one network, kept for the others that it is shown to."""

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

import rtml_tf
from rtml_tf.attacks.compiled_attack import CompiledAttack
from rtml_tf.data.array_cache import ArrayCache, arrays_digest
from rtml_tf.networks.fingerprint import network_fingerprint


class KeptAttack:
    """A `CompiledAttack` that does not search again for what it has found before.

    Images under attack are kept on disk under all that they depend on: the attacked network's
    configuration and weights, the attack, the objective, epsilon, the seeds and every entry of the
    batches. Whoever shows them to many networks searches once.
    """

    def __init__(self, compiled: CompiledAttack, *, cache: ArrayCache):
        """Takes the fingerprint of the attacked network, which must not change afterwards.

        Args:
            compiled: An attack on an `InferenceView`.
            cache: Where images under attack are kept, in float32: 4 bytes for each of their values
                and each epsilon.
        """
        self._compiled, self._cache = compiled, cache
        view, attack, objective = compiled.network, compiled.attack, compiled.objective
        self._key = {
            "rtml_tf": rtml_tf.__version__,
            "network": network_fingerprint(view.network),
            "compute_dtype": view.compute_dtype,
            "attack": [type(attack).__qualname__, {**attack.get_config(), "epsilon": None}],
            "ball": type(attack.ball).__qualname__,
            "objective": [type(objective).__qualname__, objective.get_config()],
        }

    def on_replicas(
        self,
        batches: Sequence[Mapping[str, tf.Tensor | np.ndarray]],
        *,
        epsilon: float,
        seeds: Sequence[tuple[int, int]],
    ) -> list[tf.Tensor]:
        """Images of each batch under attack, see `CompiledAttack.on_replicas`."""
        key = {
            **self._key,
            "epsilon": float(epsilon),
            "seeds": [list(map(int, seed)) for seed in seeds],
            "batches": [arrays_digest(batch).tobytes().hex() for batch in batches],
        }

        def search() -> dict[str, np.ndarray]:
            found = self._compiled.on_replicas(batches, epsilon=epsilon, seeds=seeds)
            return {str(number): images.numpy() for number, images in enumerate(found)}

        kept = self._cache.get("attacked_images", key, search)
        return [tf.constant(kept[str(number)]) for number in range(len(batches))]
