"""What a training step costs: clean, joint adversarial in its forms, free, and with branches.

    ./bazelw run //benchmarks:train_step

Each form lives in a process of its own; the processes take steps in turns, so that a machine whose
speed drifts slows all of them. A table gives the median seconds of a step, its ratio to the clean
float32 step, the ratio that counting passes through the network gives (a forward pass is F, a clean
step 3F, an attack step 2F, an update on clean and attacked images 6F), the time to trace and run
the first step, and the peak memory of the process.
"""

import dataclasses
import multiprocessing
import multiprocessing.connection
import os
import resource
import statistics
import time

from absl import app, flags

_ROUNDS = flags.DEFINE_integer("rounds", 7, "Steps of each form that are measured.")
_THREADS = flags.DEFINE_integer("threads", 1, "Threads of each process.")
_NETWORKS = flags.DEFINE_list("networks", ["resnet18", "quickstart"], "Which networks to measure.")


@dataclasses.dataclass(frozen=True)
class Form:
    """One way to take a training step.

    Attributes:
        name: Its row in the table.
        passes: Forward-equivalents of one update.
        precision: Policy of the network.
        attack_dtype: Compute type of attack passes.
        steps: Attack steps; 0 for a clean step.
        shared_gradient: Whether FGSM takes the gradient of the clean pass.
        replays: Updates a batch of free adversarial training; 0 for none.
        branches: Batch-norm branches beside the clean one: 1 for AdvProp, 2 for MDProp.
    """

    name: str
    passes: int
    precision: str = "float32"
    attack_dtype: str = "float32"
    steps: int = 0
    shared_gradient: bool = False
    replays: int = 0
    branches: int = 0


FORMS = (
    Form("clean", 3),
    Form("clean, bfloat16", 3, precision="mixed_bfloat16"),
    Form("free, 4 replays (one update)", 3, replays=4),
    Form("FGSM, gradient shared", 6, steps=1, shared_gradient=True),
    Form("FGSM", 8, steps=1),
    Form("PGD-1", 8, steps=1),
    Form("PGD-3", 12, steps=3),
    Form("PGD-7", 20, steps=7),
    Form("PGD-7, attack in bfloat16", 20, steps=7, attack_dtype="bfloat16"),
    Form("PGD-7, all in bfloat16", 20, "mixed_bfloat16", "bfloat16", steps=7),
    Form("AdvProp, PGD-1", 8, steps=1, branches=1),
    Form("MDProp, FGSM", 8, steps=1, branches=2),
    Form("MDProp, PGD-1", 9, steps=1, branches=2),
    Form("MDProp, PGD-3", 13, steps=3, branches=2),
)


def _model(form: Form, network_name: str):
    from rtml_tf.attacks.fast_gradient import FastGradientMethod
    from rtml_tf.attacks.projected_gradient_descent import ProjectedGradientDescent
    from rtml_tf.losses.multi_similarity import MultiSimilarityLoss
    from rtml_tf.models.adversarial_branch import AdversarialBranch, targeted_branches
    from rtml_tf.models.free_adversarial import FreeAdversarialModel
    from rtml_tf.models.joint_adversarial import JointAdversarialModel
    from rtml_tf.models.mdprop import MDPropModel
    from rtml_tf.models.metric_model import MetricModel
    from rtml_tf.networks import resnet

    if network_name == "resnet18":
        shape, batch_size = (64, 64, 3), 32
        network = resnet.imagenet_resnet(input_shape=shape, depth=18)
    else:
        shape, batch_size = (32, 32, 1), 64
        network = resnet.cifar_resnet(input_shape=shape)
    parts = {"network": network, "loss": MultiSimilarityLoss()}
    epsilon = 4 / 255
    if form.replays:
        return (
            FreeAdversarialModel(**parts, epsilon=epsilon, replays=form.replays),
            shape,
            batch_size,
        )
    if not form.steps:
        return MetricModel(**parts), shape, batch_size
    attack = ProjectedGradientDescent(epsilon=epsilon, steps=form.steps)
    if "FGSM" in form.name:
        attack = FastGradientMethod(epsilon=epsilon)
    if form.branches:
        branches = {"adversarial": AdversarialBranch(attack=attack)}
        if form.branches > 1:
            branches = targeted_branches(attack=attack)
        model = MDPropModel(**parts, branches=branches, attack_dtype=form.attack_dtype)
        return model, shape, batch_size
    model = JointAdversarialModel(
        **parts,
        attack=attack,
        attack_dtype=form.attack_dtype,
        shared_gradient=form.shared_gradient,
    )
    return model, shape, batch_size


def _serve(connection, form: Form, network_name: str, threads: int) -> None:
    """Builds the model, then takes a step whenever asked and answers with its seconds."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import numpy as np
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    tf.keras.utils.set_random_seed(0)
    tf.keras.mixed_precision.set_global_policy(form.precision)
    model, shape, batch_size = _model(form, network_name)
    model.compile(optimizer=tf.keras.optimizers.Adam(1e-3))
    model.prepare(num_classes=8)
    rng = np.random.default_rng(0)
    batch = {
        "image": tf.constant(rng.uniform(size=(batch_size, *shape)), tf.float32),
        "label": tf.constant(np.arange(batch_size) // 4, tf.int32),
    }
    train_function = model.make_train_function()
    batches = iter(tf.data.Dataset.from_tensors(batch).repeat())
    while connection.recv():
        started = time.perf_counter()
        train_function(batches)["loss"].numpy()
        seconds = (time.perf_counter() - started) / max(form.replays, 1)
        connection.send((seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10))


def start(form: Form, network_name: str, *, threads: int) -> multiprocessing.connection.Connection:
    """Starts the process of a form; `step` talks to it."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    context.Process(target=_serve, args=(theirs, form, network_name, threads), daemon=True).start()
    return ours


def step(connection: multiprocessing.connection.Connection) -> tuple[float, float]:
    """Lets a process take one step: its seconds and the process's peak memory in MiB."""
    connection.send(True)
    return connection.recv()


def _measure(network_name: str) -> list[str]:
    connections = [start(form, network_name, threads=_THREADS.value) for form in FORMS]
    first = [step(connection)[0] for connection in connections]
    for connection in connections:
        step(connection)
    rounds = [[step(connection) for connection in connections] for _ in range(_ROUNDS.value)]
    for connection in connections:
        connection.send(False)

    lines = [
        f"**{network_name}**",
        "",
        "| step | seconds | ratio to clean | by counting | first step, s | peak memory, MiB |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for i, form in enumerate(FORMS):
        seconds = [measured[i][0] for measured in rounds]
        ratio = statistics.median(measured[i][0] / measured[0][0] for measured in rounds)
        lines.append(
            f"| {form.name} | {statistics.median(seconds):.3f} | {ratio:.2f} | "
            f"{form.passes / 3:.2f} | {first[i]:.1f} | {rounds[-1][i][1]:.0f} |"
        )
    return lines


def main(argv: list[str]) -> None:
    """Prints one table for each network."""
    del argv
    for name in _NETWORKS.value:
        print("\n".join(_measure(name)) + "\n", flush=True)
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        info = file.read()
    model = next(line.split(":")[1].strip() for line in info.splitlines() if "model name" in line)
    known = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in info]
    print(
        f"{model}, {', '.join(known)}; {_THREADS.value} thread a process, {_ROUNDS.value} rounds."
    )


if __name__ == "__main__":
    app.run(main)
