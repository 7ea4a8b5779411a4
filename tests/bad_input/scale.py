"""Bad packs and clusters."""

from tests.bad_input import files
from tests.bad_input.row import TRAIN, Row, param, source

_PACK = "pack --gin_file=packing.gin "
_SHARD = "packed/images-00001-of-00003.tfrecord"
_SHARD_TABLE = "packed/images-00001-of-00003.json"
_WORKERS = TRAIN + "--gin_file=gin_configs/distribution/multi_worker.gin "
_MIRRORED = TRAIN + "--gin_file=gin_configs/distribution/mirrored.gin "

PACKS = [
    Row("nothing to pack", "pack", r"nothing to pack given, expected --gin_file="),
    Row(
        "shards without images",
        _PACK + param("packing.pack.images_per_shard = 0"),
        r"images_per_shard must be at least 1, got 0",
    ),
    Row(
        "a pack in a folder of other things",
        _PACK + param("PACKED = 'images'"),
        r"images must be a new or an empty folder.* but holds a, b, c, \.\.\.",
    ),
    Row(
        "a pack of other images",
        _PACK,
        r"images-00000-of-00003.json lists other images, classes or boxes than the source",
        files.removed("images/a/a_0001.png"),
    ),
    Row(
        "an image that cannot be packed",
        _PACK + param("PACKED = 'new'"),
        r"images/a/a_0001.png",
        files.text("images/a/a_0001.png", "no image"),
    ),
    Row(
        "a pack that is not there",
        source("packed_images.PackedImages") + param("PACKED = 'images'"),
        r"images must be a folder of packed images, but has no index.json",
    ),
    Row(
        "half an index",
        source("packed_images.PackedImages"),
        r"packed/index.json is no JSON",
        files.cut("packed/index.json"),
    ),
    Row(
        "an index of another format",
        source("packed_images.PackedImages"),
        r"packed/index.json must have format 1, got 99",
        files.replaced("packed/index.json", '"format": 1', '"format": 99'),
    ),
    Row(
        "a shard that is missing",
        source("packed_images.PackedImages"),
        f"{_SHARD} is missing",
        files.removed(_SHARD),
    ),
    Row(
        "half a shard",
        source("packed_images.PackedImages"),
        rf"{_SHARD} must have \d+ bytes, got \d+",
        files.cut(_SHARD),
    ),
    Row(
        "a table that is missing",
        source("packed_images.PackedImages"),
        f"{_SHARD_TABLE} is missing, which packed/index.json lists",
        files.removed(_SHARD_TABLE),
    ),
    Row(
        "a table that was edited",
        source("packed_images.PackedImages"),
        f"{_SHARD_TABLE} is not the table that packed/index.json lists: its checksum differs",
        files.replaced(_SHARD_TABLE, "c_0001", "c_0009"),
    ),
    Row(
        "a record that was edited",
        source("packed_images.PackedImages"),
        rf"{_SHARD}, record 0 \(b/b_0003.png\) is not what was packed: its checksum differs",
        files.flipped(_SHARD, 100),
    ),
    Row(
        "a record that was edited of a pack that is verified",
        source("packed_images.PackedImages") + param("packed_images.PackedImages.verify = True"),
        f"{_SHARD} is not what was packed: its checksum differs",
        files.flipped(_SHARD, 100),
    ),
]

_TWO = '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "%s", "index": %s}}'
CLUSTERS = [
    Row("no cluster", _WORKERS, r"there is no cluster: give --workers=host:port"),
    Row(
        "a cluster that is not used",
        TRAIN + "--workers=first:20000,second:20000 --worker_index=0",
        r"--workers names 2 machines, but the strategy in force has 1 worker",
    ),
    Row(
        "a worker without a port",
        _WORKERS + "--workers=first:20000,second --worker_index=0",
        r"workers must be addresses host:port, got 'second'",
    ),
    Row(
        "a worker that is there twice",
        _WORKERS + "--workers=first:20000,first:20000 --worker_index=0",
        r"workers must differ, got first:20000, first:20000",
    ),
    Row(
        "a worker that is not in the cluster",
        _WORKERS + "--workers=first:20000,second:20000 --worker_index=2",
        r"index of a worker must be in \[0, 2\), as there are 2 workers, got 2",
    ),
    Row(
        "a cluster that is no JSON",
        _WORKERS,
        r'TF_CONFIG must be \{"cluster": .* got first:1,second:1',
        cluster="first:1,second:1",
    ),
    Row(
        "a cluster without tasks",
        _WORKERS,
        r'TF_CONFIG must be \{"cluster": ',
        cluster='{"cluster": {"worker": ["a:1"]}}',
    ),
    Row(
        "a task that is no worker",
        _WORKERS,
        r'every task of the cluster must be a "worker"',
        cluster=_TWO % ("ps", 0),
    ),
    Row(
        "a worker beyond the cluster",
        _WORKERS,
        r"index of a worker must be in \[0, 2\), .* got 5",
        cluster=_TWO % ("worker", 5),
    ),
    Row(
        "a device that is not there",
        _MIRRORED + param("strategies.Mirrored.devices = ('GPU:7',)"),
        r"there is no device GPU:7; this machine has CPU:0",
    ),
    Row(
        "a device twice",
        _MIRRORED + param("strategies.Mirrored.devices = ('CPU:0', 'CPU:0')"),
        r"devices must be different names of devices, got",
    ),
    Row(
        "negatives of nobody",
        _MIRRORED + param("training.train.negatives = 'all'"),
        r"negatives must be 'global' or 'local', got 'all'",
    ),
]
