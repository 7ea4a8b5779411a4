"""The joint adversarial PGD-7 step beside the same step in PyTorch.

    python3.11 -m venv /tmp/peers && /tmp/peers/bin/pip install -r benchmarks/peers/requirements.txt
    ./bazelw run //benchmarks:pytorch_peer -- --torch_python=/tmp/peers/bin/python

ResNet-18, 64x64x3, batch 32, multi-similarity loss, attack and update as in
`gin_configs/rmt/source_joint_pgd.gin`. Each form lives in a process of its own, on one thread; all
take steps in turns, and what is compared is the median of the ratios within a turn.
"""

# bazel: data = ["peers/pytorch_step.py"]
import os
import pathlib
import statistics
import subprocess

from absl import app, flags

from benchmarks import train_step
from benchmarks.sweep import provenance
from rtml_tf import users_folder

_TORCH_PYTHON = flags.DEFINE_string(
    "torch_python", None, "Interpreter with benchmarks/peers/requirements.txt.", required=True
)
_TURNS = flags.DEFINE_integer("turns", 7, "Steps of each form that are measured.")
_OURS = ("PGD-7", "PGD-7, attack in bfloat16", "PGD-7, all in bfloat16")
_THEIRS = {
    "PyTorch, float32": (),
    "PyTorch, float32, channels last": ("--channels_last",),
    "PyTorch, bfloat16": ("--bfloat16",),
    "PyTorch, bfloat16, channels last": ("--bfloat16", "--channels_last"),
}


class _PyTorchStep:
    """A process of the other framework; called, it takes a step and gives its seconds."""

    def __init__(self, options: tuple[str, ...]):
        script = pathlib.Path(__file__).parent / "peers" / "pytorch_step.py"
        self._process = subprocess.Popen(
            [_TORCH_PYTHON.value, script, "--attack_steps=7", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # Nothing of this environment is meant for the other interpreter.
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        )

    def __call__(self) -> float:
        self._process.stdin.write("step\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("the PyTorch process has stopped; its error is above.")
        return float(answer)


def main(argv: list[str]) -> None:
    """Prints the table."""
    del argv
    users_folder.enter()
    forms = {form.name: form for form in train_step.FORMS}
    connections = [train_step.start(forms[name], "resnet18", threads=1) for name in _OURS]
    steps = {
        f"rtml_tf, {name}": lambda connection=connection: train_step.step(connection)[0]
        for name, connection in zip(_OURS, connections)
    }
    steps |= {name: _PyTorchStep(options) for name, options in _THEIRS.items()}
    for _ in range(2):  # Traces, allocates and chooses algorithms.
        for step in steps.values():
            step()
    turns = [{name: step() for name, step in steps.items()} for _ in range(_TURNS.value)]
    for connection in connections:
        connection.send(False)

    medians = {name: statistics.median(turn[name] for turn in turns) for name in steps}
    ours = f"rtml_tf, {_OURS[-1]}"
    lines = [
        "| step | seconds | lowest, highest | throughput of rtml_tf in bfloat16 against it |",
        "|---|---:|---:|---:|",
    ]
    for name, median in medians.items():
        ratio = statistics.median(turn[name] / turn[ours] for turn in turns)
        times = [turn[name] for turn in turns]
        lines.append(
            f"| {name} | {median:.3f} | {min(times):.3f}, {max(times):.3f} | {ratio:.2f} |"
        )
    print("\n".join(lines))
    print(f"\n{provenance()} {_TURNS.value} turns, one thread a process.")


if __name__ == "__main__":
    app.run(main)
