"""Packs images into TFRecord files: `pack --gin_file=gin_configs/packing/image_folder.gin`.

The same command goes on with a pack that was stopped, and packs again what is no longer that of
the images.
"""

from collections.abc import Sequence

from rtml_tf import command_line, configuration
from rtml_tf.data import packing


def main(argv: Sequence[str]) -> int:
    """Reads the configuration and packs."""
    del argv
    if not command_line.GIN_FILES.value:
        raise configuration.ConfigurationError(
            "nothing to pack given, expected --gin_file=..., for example "
            "--gin_file=gin_configs/packing/image_folder.gin."
        )
    command_line.configure_from_flags()
    command_line.start_runtime()
    packed = configuration.configured(packing.pack)()
    print(
        f"{packed['images']:,} images of {packed['classes']:,} classes in {packed['shards']:,} "
        f"shards, {packed['bytes'] / 1e6:,.1f} MB; {packed['written']:,} shards were written now."
    )
    return 0


def run_main() -> None:
    """Entry point of the console script."""
    command_line.run(main, goes_on=True)


if __name__ == "__main__":
    run_main()
