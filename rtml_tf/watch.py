"""TensorBoard from the same environment: `watch --logdir=runs/quickstart`."""

import os

from tensorboard import main as tensorboard


def run_main() -> None:
    """Starts TensorBoard with the flags that it takes itself."""
    os.chdir(os.environ.get("BUILD_WORKING_DIRECTORY", "."))
    tensorboard.run_main()


if __name__ == "__main__":
    run_main()
