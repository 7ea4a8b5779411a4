"""What a file says of the network in it."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class NetworkDescription:
    """What nobody can tell from a file, in the file itself.

    Attributes:
        name: Of the network.
        version: Tells it from others of its name.
        text: What it is for.
        licence: Of the file.
        labels: Names of the classes, in the order of the logits; none where it tells none apart.
    """

    name: str
    version: str
    text: str
    licence: str
    labels: tuple[str, ...] = ()
