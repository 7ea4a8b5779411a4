"""TensorBoard from the same environment: `watch --logdir=runs/quickstart`."""

from tensorboard import main as tensorboard

from rtml_tf import users_folder


def run_main() -> None:
    """Starts TensorBoard with the flags that it takes itself."""
    users_folder.enter()
    tensorboard.run_main()


if __name__ == "__main__":
    run_main()
