"""The only door to cleverhans: the TensorFlow 2 primitives that the attacks are built on.

What is taken from cleverhans 4.0:

- `optimize_linear(grad, eps, norm)`: the perturbation of norm `eps` that raises a linear function
  most.
- `clip_eta(eta, norm, eps)`: the projection of a perturbation on the ball of radius `eps`.
- `margin_logit_loss(logits, label, nb_classes)`: highest wrong logit less the right one, `[B]`.
- `clip_tanh(x, clip_min, clip_max)`: the change of variables of Carlini and Wagner.
- `l2(x, y)`: the squared L2 distance of two batches of images, `[B]`.

Whole attacks are not taken: they unroll their steps into the graph, retrace for every new closure,
draw from the global random state and refuse a tensor as epsilon. The attacks here are checked
against them instead.
"""

from cleverhans.tf2.attacks.carlini_wagner_l2 import clip_tanh, l2
from cleverhans.tf2.attacks.spsa import margin_logit_loss
from cleverhans.tf2.utils import clip_eta, optimize_linear

__all__ = ["clip_eta", "clip_tanh", "l2", "margin_logit_loss", "optimize_linear"]
