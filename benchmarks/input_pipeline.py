"""How fast images come, and what share of a training step waits for them.

Prints a Markdown table for a folder of images in class folders:

    python -m benchmarks.input_pipeline --root=photos --image_size=112 --classes_per_batch=16

`images/s` is the pipeline by itself. `step` is a training step of a small convolutional network fed
by the pipeline, beside the same step on one batch that is in memory already. `waiting` is the share
of the step in which training stood still for the next batch; `slower` is how much longer the step
takes than on the batch in memory, which on a CPU also counts the cores that the pipeline uses. The
rounds of all rows are interleaved, so that a busy machine slows all of them alike; rows are medians
of the rounds. Operations give the same bits every time, as they do in training unless it is told
otherwise; `--nodeterministic` measures without.
"""

import itertools
import statistics
import time
from collections.abc import Iterator

import tensorflow as tf
from absl import app, flags

from rtml_tf import users_folder
from rtml_tf.data import augmentation
from rtml_tf.data.batches import TrainingBatches
from rtml_tf.data.cached_images import CachedImages
from rtml_tf.data.image_folder import ImageFolder
from rtml_tf.data.pk_sampler import PKSampler
from rtml_tf.runs import runtime

_ROOT = flags.DEFINE_string("root", None, "Folder with one folder of images per class.")
_IMAGE_SIZE = flags.DEFINE_integer("image_size", 112, "Height and width in pixels.", 8)
_CHANNELS = flags.DEFINE_integer("channels", 3, "1 (grey) or 3 (colour).", 1, 3)
_CLASSES = flags.DEFINE_integer("classes_per_batch", 16, "P of the sampler.", 1)
_IMAGES = flags.DEFINE_integer("images_per_class", 4, "K of the sampler.", 1)
_ROUNDS = flags.DEFINE_integer("rounds", 5, "Timed rounds for each row.", 1)
_BATCHES = flags.DEFINE_integer("batches", 60, "Batches in a round without training.", 1)
_STEPS = flags.DEFINE_integer("steps", 20, "Training steps in a round.", 1)
_DETERMINISTIC = flags.DEFINE_bool("deterministic", True, "Whether operations are deterministic.")
_WARM_UP = 5


def _batches(source: ImageFolder | CachedImages, augmented: bool) -> TrainingBatches:
    size = (_IMAGE_SIZE.value, _IMAGE_SIZE.value)
    changes = (
        augmentation.RandomCrop(size=size, padding=_IMAGE_SIZE.value // 16),
        augmentation.RandomFlip(),
        augmentation.RandomRotation(max_degrees=10.0),
        augmentation.Cutout(size=2 * (_IMAGE_SIZE.value // 8)),
    )
    return TrainingBatches(
        source=source,
        sampler=PKSampler(classes_per_batch=_CLASSES.value, images_per_class=_IMAGES.value),
        augmentation=changes if augmented else (),
    )


def _model(num_classes: int) -> tf.keras.Model:
    image = tf.keras.Input((_IMAGE_SIZE.value, _IMAGE_SIZE.value, _CHANNELS.value))
    hidden = image
    for filters in (32, 64, 128):
        hidden = tf.keras.layers.Conv2D(filters, 3, strides=2, use_bias=False)(hidden)
        hidden = tf.keras.layers.BatchNormalization()(hidden)
        hidden = tf.keras.layers.ReLU()(hidden)
    hidden = tf.keras.layers.GlobalAveragePooling2D()(hidden)
    model = tf.keras.Model(image, tf.keras.layers.Dense(num_classes)(hidden))
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(tf.keras.optimizers.SGD(0.01), loss)
    return model


def _started(batches: TrainingBatches) -> Iterator:
    """A pipeline that runs; it ends with its iterator, and takes nothing from the next one."""
    iterator = iter(batches.dataset())
    for _ in range(_WARM_UP):
        next(iterator)
    return iterator


def _images_per_second(batches: Iterator) -> float:
    start = time.perf_counter()
    for _ in range(_BATCHES.value):
        next(batches)
    seconds = time.perf_counter() - start
    return _BATCHES.value * _CLASSES.value * _IMAGES.value / seconds


def _step_and_wait(model: tf.keras.Model, batches: Iterator) -> tuple[float, float]:
    """Mean seconds of a training step, and of the wait for its batch."""
    waited = 0.0
    begin = time.perf_counter()
    for _ in range(_STEPS.value):
        asked = time.perf_counter()
        batch = next(batches)
        waited += time.perf_counter() - asked
        model.train_on_batch(batch["image"], batch["label"])
    return (time.perf_counter() - begin) / _STEPS.value, waited / _STEPS.value


def main(_: list[str]) -> None:
    users_folder.enter()
    runtime.configure(deterministic=_DETERMINISTIC.value)
    size = (_IMAGE_SIZE.value, _IMAGE_SIZE.value)
    begin = time.perf_counter()
    folder = ImageFolder(root=_ROOT.value, image_size=size, channels=_CHANNELS.value)
    checked = time.perf_counter()
    cached = CachedImages(source=folder)
    print(
        f"{len(folder):,} images of {folder.num_classes:,} classes: listed and checked in "
        f"{checked - begin:.1f} s, cached in {time.perf_counter() - checked:.1f} s "
        f"({cached.num_bytes / 2**20:,.0f} MiB).\n"
    )
    rows = {
        "files": _batches(folder, False),
        "files, augmented": _batches(folder, True),
        "cached": _batches(cached, False),
        "cached, augmented": _batches(cached, True),
    }
    model = _model(folder.num_classes)
    in_memory = next(iter(rows["files"].dataset()))
    rates = {name: [] for name in rows}
    steps = {name: [] for name in ("one batch in memory", *rows)}
    for round_number in range(_ROUNDS.value + 1):
        for name in steps:
            if name in rows:
                rates[name].append(_images_per_second(_started(rows[name])))
                steps[name].append(_step_and_wait(model, _started(rows[name])))
            else:
                steps[name].append(_step_and_wait(model, itertools.repeat(in_memory)))
        if round_number == 0:  # The first round warms up: tracing, page cache, tuning.
            for values in (*rates.values(), *steps.values()):
                values.clear()
    kind = "deterministic" if _DETERMINISTIC.value else "not deterministic"
    print(f"Batches of {_CLASSES.value} x {_IMAGES.value}, {_ROUNDS.value} rounds, {kind}.\n")
    print("| pipeline | images/s | step, ms | waiting | slower |")
    print("|---|---:|---:|---:|---:|")
    for name, timed in steps.items():
        rate = f"{statistics.median(rates[name]):,.0f}" if name in rates else "-"
        step = statistics.median(step for step, _ in timed)
        waiting = statistics.median(wait / step for step, wait in timed)
        references = steps["one batch in memory"]
        slower = statistics.median(s / r - 1 for (s, _), (r, _) in zip(timed, references))
        print(f"| {name} | {rate} | {1e3 * step:.1f} | {waiting:.1%} | {slower:+.0%} |")


if __name__ == "__main__":
    flags.mark_flag_as_required("root")
    app.run(main)
