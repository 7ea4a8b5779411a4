"""The joint adversarial PGD step in PyTorch, timed whenever its standard input says so.

Started by `benchmarks/pytorch_peer.py` with the interpreter of another environment, which has
`benchmarks/peers/requirements.txt` and nothing of this package. It does what the step of
`JointAdversarialModel` does: ResNet-18 on 64x64x3, projected gradient descent against the network
in inference mode, one update on the clean and the attacked batch with pytorch-metric-learning's
multi-similarity loss and miner, Adam.
"""

# bazel: no target
import argparse
import sys
import time

import torch
from pytorch_metric_learning.losses import MultiSimilarityLoss
from pytorch_metric_learning.miners import MultiSimilarityMiner
from torch.nn.functional import normalize
from torchvision.models import resnet18

_EPSILON = 4 / 255


class JointStep:
    """One training step on a fixed batch, attacked in `attack_steps` steps (0: a clean step)."""

    def __init__(self, *, batch_size: int, attack_steps: int, bfloat16: bool, channels_last: bool):
        """Builds the network and the batch."""
        torch.manual_seed(0)
        layout = torch.channels_last if channels_last else torch.contiguous_format
        self._network = resnet18(num_classes=128).to(memory_format=layout)
        self._images = torch.rand(batch_size, 3, 64, 64).to(memory_format=layout)
        self._labels = torch.arange(batch_size) // 4
        self._loss = MultiSimilarityLoss(alpha=2.0, beta=40.0, base=0.5)
        self._miner = MultiSimilarityMiner(epsilon=0.1)
        self._optimizer = torch.optim.Adam(self._network.parameters(), lr=1e-3)
        self._attack_steps = attack_steps
        self._bfloat16 = bfloat16

    def __call__(self) -> None:
        images, weight = self._images, 0.5
        if self._attack_steps:
            attacked = self._attacked()
            self._network.train()
            clean, adversarial = self._embed(torch.cat([images, attacked])).chunk(2)
            loss = (1 - weight) * self._metric_loss(clean) + weight * self._metric_loss(adversarial)
        else:
            self._network.train()
            loss = self._metric_loss(self._embed(images))
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._optimizer.step()

    def _attacked(self) -> torch.Tensor:
        self._network.eval()
        # Gradients of the weights are not wanted here, so they are not computed.
        self._network.requires_grad_(False)
        images = self._images
        attacked = images + torch.empty_like(images).uniform_(-_EPSILON, _EPSILON)
        attacked = attacked.clamp(0, 1)
        for _ in range(self._attack_steps):
            attacked.requires_grad_(True)
            loss = self._metric_loss(self._embed(attacked))
            (gradient,) = torch.autograd.grad(loss, attacked)
            with torch.no_grad():
                attacked = attacked + 2.5 / self._attack_steps * _EPSILON * gradient.sign()
                attacked = images + (attacked - images).clamp(-_EPSILON, _EPSILON)
                attacked = attacked.clamp(0, 1)
        self._network.requires_grad_(True)
        return attacked.detach()

    def _embed(self, images: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=self._bfloat16):
            return normalize(self._network(images)).float()

    def _metric_loss(self, embeddings: torch.Tensor) -> torch.Tensor:
        return self._loss(embeddings, self._labels, self._miner(embeddings, self._labels))


def main() -> None:
    """Takes one step for each line of the standard input and answers with its seconds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--attack_steps", type=int, required=True)
    parser.add_argument("--batch_size", type=int, default=32)
    parser.add_argument("--bfloat16", action="store_true")
    parser.add_argument("--channels_last", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    arguments = vars(parser.parse_args())
    torch.set_num_threads(arguments.pop("threads"))
    step = JointStep(**arguments)
    for _ in sys.stdin:
        started = time.perf_counter()
        step()
        print(time.perf_counter() - started, flush=True)


if __name__ == "__main__":
    main()
