"""Where the programs of one run on this machine can find each other."""

import contextlib
import random
import socket


def free_addresses(count: int) -> list[str]:
    """`localhost:port` of as many ports that nobody uses now.

    They lie below those that systems hand out, which others could be given before they are used.
    """
    addresses = []
    for port in random.SystemRandom().sample(range(20_000, 32_000), 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("localhost", port))
            addresses.append(f"localhost:{port}")
    return addresses[:count]
