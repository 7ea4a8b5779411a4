"""The faces of Labeled Faces in the Wild, and the network that learns them, as bindings."""

import pathlib

# ImageNet's ResNet-18 in half its width, with the stem of large images.
TEACHER = (
    "resnet.imagenet_resnet.small_input = False",
    "resnet.imagenet_resnet.width = 0.5",
)


def lfw_parameters(folder: str) -> tuple[str, ...]:
    """What gin_configs/data/lfw.gin needs.

    Args:
        folder: Holds the people and pairs.txt.
    """
    root = pathlib.Path(folder).absolute()
    return f"LFW = {str(root)!r}", f"LFW_PAIRS = {str(root / 'pairs.txt')!r}"
