"""Bad data: folders and tables, images, pairs, masks."""

import numpy as np

from tests.bad_input import files
from tests.bad_input.row import EVALUATE, TRAIN, Row, pairs, param, source

_MASKS = EVALUATE + param("EVALUATION = @segmentation.SegmentationEvaluation()")
_FEATURES = source("feature_table.FeatureTable")
_INDEX = source("image_index.ImageIndex")
_LFW = pairs("lfw.lfw_pairs")
_TABLE = pairs("pair_table.pairs_from_table")
_BIN = pairs("insightface_pairs.insightface_pairs")
_IMAGE = "images/a/a_0001.png"

DATA = [
    Row(
        "no folder of images",
        EVALUATE + param("image_folder.ImageFolder.root = 'nowhere'"),
        r"root must be an existing folder, got 'nowhere'",
    ),
    Row(
        "no folders of classes",
        EVALUATE + param("image_folder.ImageFolder.root = 'images/a'"),
        r"'images/a/?' has no class folders .*it holds 3 files",
    ),
    Row(
        "a class without images",
        EVALUATE,
        r"'images/empty' has no image with a suffix of .jpg, .*it holds 1 others, e.g. note.txt",
        files.text("images/empty/note.txt", "later"),
    ),
    Row(
        "an image size of three numbers",
        EVALUATE + param("image_folder.ImageFolder.image_size = (8, 8, 1)"),
        r"image_size must be \(height, width\) in pixels, got \(8, 8, 1\)",
    ),
    Row(
        "two channels",
        EVALUATE + param("image_folder.ImageFolder.channels = 2"),
        r"channels must be 1 or 3, got 2",
    ),
    Row(
        "images of another size than the network's",
        TRAIN + param("image_folder.ImageFolder.image_size = (9, 9)"),
        r"takes inputs of shape \(8, 8, 1\), but the data gives \(9, 9, 1\)",
    ),
    Row(
        "more classes a batch than there are",
        TRAIN + param("pk_sampler.PKSampler.classes_per_batch = 5"),
        r"classes_per_batch is 5, but there are only 2 classes",
    ),
    Row(
        "parts that are more than the whole",
        TRAIN + param("splits.class_split.fractions = {'train': 0.9, 'test': 0.5}"),
        r"fractions must sum to 1, got .*, which sum to 1.4",
    ),
    Row(
        "a part that is not there",
        TRAIN + param("train/splits.class_split.part = 'trian'"),
        r"part must be one of .*got 'trian'",
    ),
    Row(
        "a class that is not there",
        source("splits.class_split_from_file"),
        r"classes.txt: line 2: unknown class 'zebra'",
        files.text("classes.txt", "a\nzebra\n"),
    ),
    Row(
        "a table that is not there",
        _INDEX + param("image_index.ImageIndex.file = 'no.csv'"),
        r"must be an existing CSV or TSV file, got 'no.csv'",
    ),
    Row(
        "a line without a label",
        _INDEX,
        r"index.csv has malformed lines \(1\): line 2: expected a path and a label",
        files.text("index.csv", f"{_IMAGE},a\n{_IMAGE}\n"),
    ),
    Row(
        "an image on two lines",
        _INDEX,
        rf"line 2: {_IMAGE} is on line 1 already",
        files.text("index.csv", f"{_IMAGE},a\n{_IMAGE},b\n"),
    ),
    Row(
        "a line whose image is not there",
        _INDEX,
        r"index.csv lists files that do not exist \(1\): line 1: .*gone.png",
        files.text("index.csv", "gone.png,a\n"),
    ),
    Row(
        "a table that is no text",
        _INDEX,
        r"index.csv cannot be read as a table after line 0",
        files.content_of("index.csv", b"\xff\xfe\x00"),
    ),
    Row(
        "a row of another length",
        _FEATURES,
        r"features.csv, line 2: expected 2 numbers after the key, got 1",
        files.text("features.csv", "x,1,2\ny,1\n"),
    ),
    Row(
        "a feature that is no number",
        _FEATURES,
        r"features.csv: array must be finite .* keys \(1\): y",
        files.text("features.csv", "x,1,2\ny,1,nan\n"),
    ),
    Row(
        "features that are a pickle",
        _FEATURES
        + param("feature_table.FeatureTable.file = 'bad.npy'")
        + param("feature_table.FeatureTable.keys_file = 'classes.txt'"),
        r"bad.npy cannot be read .*allow_pickle=False",
        files.content_of("bad.npy", files.npy_of_objects()),
    ),
    Row(
        "features without keys",
        _FEATURES + param("feature_table.FeatureTable.file = 'bad.npz'"),
        r"bad.npz must hold the arrays keys and features, got features",
        files.content_of("bad.npz", files.npz(features=np.zeros((2, 2)))),
    ),
    Row(
        "half a file of features",
        _FEATURES + param("feature_table.FeatureTable.file = 'bad.npz'"),
        r"bad.npz cannot be read .*BadZipFile",
        files.content_of("bad.npz", files.npz(features=np.zeros((2, 2)))[:100]),
    ),
]

IMAGES = [
    Row("half an image", EVALUATE, rf"1 of 12 images cannot be read: {_IMAGE} ", files.cut(_IMAGE)),
    Row("an empty image", EVALUATE, rf"cannot be read: {_IMAGE} ", files.content_of(_IMAGE, b"")),
    Row(
        "a text called an image",
        EVALUATE,
        rf"cannot be read: {_IMAGE} \(Unknown image file format",
        files.text(_IMAGE, "an image"),
    ),
    Row(
        "a PNG that says it is huge",
        EVALUATE,
        rf"{_IMAGE} \(it has more than 100000000 pixels \(.*max_image_pixels\): 30000x30000\)",
        files.content_of(_IMAGE, files.png_that_says(30_000, 30_000)),
    ),
    Row(
        "a JPEG that says it is huge",
        EVALUATE,
        rf"{_IMAGE} \(it has more than 100000000 pixels \(.*max_image_pixels\): 65000x60000\)",
        files.content_of(_IMAGE, files.jpeg_that_says(65_000, 60_000)),
    ),
    Row(
        "an image above a limit of one's own",
        EVALUATE + param("runtime.configure.max_image_pixels = 63"),
        r"it has more than 63 pixels \(runtime.configure.max_image_pixels\): 8x8",
    ),
    Row(
        "a damaged image that was not looked for",
        EVALUATE + param("image_folder.ImageFolder.check_images = False"),
        rf"This image file cannot be read \(missing, damaged, or not an image\): {_IMAGE}",
        files.text(_IMAGE, "no image"),
    ),
]

PAIRS = [
    Row(
        "a pair of one image",
        _TABLE,
        r"pairs.csv, line 1: expected path_a, path_b, same .*, got \['images",
        files.text("pairs.csv", f"{_IMAGE}\n"),
    ),
    Row(
        "a pair with an image that is not there",
        _TABLE,
        r"pairs.csv, line 1: gone.png does not exist",
        files.text("pairs.csv", f"gone.png,{_IMAGE},1\n"),
    ),
    Row(
        "pairs of one kind",
        _TABLE + param("pair_table.pairs_from_table.num_folds = 2"),
        r"the number of pairs of the same person \(2\) and of different people \(0\), got 2",
        files.text("pairs.csv", f"{_IMAGE},images/a/a_0002.png,1\n" * 2),
    ),
    Row(
        "fewer pairs than the first line says",
        _LFW,
        r"pairs.txt, line 3: expected a pair, got none; the first line asks for 21 lines .* has 2",
        files.text("pairs.txt", "10 1\na 1 2\n"),
    ),
    Row(
        "a line that is no pair",
        _LFW,
        r"pairs.txt, line 2: expected .*, got 'a one two'",
        files.text("pairs.txt", "1\na one two\na 1 b 1\n"),
    ),
    Row(
        "a pair of somebody unknown",
        _LFW,
        r"pairs.txt, line 2: there is no image nobody/nobody_0001 among the 12 images",
        files.text("pairs.txt", "1\nnobody 1 2\na 1 b 1\n"),
    ),
    Row(
        "pairs that run a command",
        _BIN,
        r"pairs.bin is no verification set: not a pickle of plain data: the file asks for "
        r"posix.system",
        files.content_of("pairs.bin", files.pickle_that_runs()),
    ),
    Row(
        "half a file of pairs",
        _BIN,
        r"pairs.bin is no verification set: not a pickle of plain data",
        files.content_of("pairs.bin", files.pickle_that_runs()[:10]),
    ),
]

MASKS = [
    Row(
        "no mask",
        _MASKS,
        r"1 of 1 images have no mask: masks/one.png",
        files.removed("masks/one.png"),
    ),
    Row(
        "a mask of another size",
        _MASKS,
        r"masks/one.png is 8x4 pixels, its image 8x8",
        files.content_of("masks/one.png", files.png_that_says(4, 8)),
    ),
    Row(
        "a mask that is no PNG file",
        _MASKS,
        r"masks/one.png.*A mask must be a PNG file",
        files.content_of("masks/one.png", files.jpeg_that_says(8, 8)),
    ),
    Row(
        "a mask that says it is huge",
        _MASKS,
        r"masks/one.png.*it has more than 100000000 pixels .*: 90000x90000",
        files.content_of("masks/one.png", files.png_that_says(90_000, 90_000)),
    ),
    Row(
        "an id that is no class",
        _MASKS + param("label_set.LabelSet.classes_of = {5: 'road', 6: 'sky'}"),
        r"masks/one.png has .*, neither a class nor ignored",
    ),
]
