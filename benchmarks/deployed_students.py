"""Is a student that was exported still the same metric? On characters and on faces, over seeds.

    ./bazelw run //benchmarks:deployed_students -- --lfw=/path/to/lfw112 \
        --output=docs/results/deployed_students.md

Each run is the whole of gin_configs/rmt/pipeline.gin: a robust teacher, a small student that
imitates it without labels, its export, and the comparison of the files with the network. Runs that
are recorded beside the output (`.json`) are not made again.
"""

import json
import pathlib

import numpy as np
from absl import flags

from benchmarks import faces, result_page
from benchmarks.sweep import Run, Sweep
from benchmarks.tables import difference, markdown_table, spread

_LFW = flags.DEFINE_string(
    "lfw", None, "The folder that holds the people and pairs.txt.", required=True
)
_SEEDS = flags.DEFINE_list("seeds", ["0", "1", "2"], "Seeds of weights and batches.")

_ATTACKED = "8/255"
_FORMS = """exporting.export.forms = {
    'saved_model': @saved_model_form.SavedModelForm(),
    'float32': @tflite_forms.Float32(),
    'int8': @tflite_forms.Int8()}"""
# Limits are what is shown here, so that a run that misses one is shown as well.
_NO_LIMITS = (
    "parity.ParityLimits.worst_cosine = -1.0",
    "parity.ParityLimits.largest_drops = None",
    "parity.ParityLimits.largest_bytes = None",
)


class _Data:
    """One data set and its runs.

    Attributes:
        title: Its name.
        figure: What is measured, as evaluations call it.
        others: Further figures of the same evaluation, that depend less on single images.
    """

    def __init__(
        self,
        *,
        title: str,
        figure: str,
        others: tuple[str, ...],
        gin_files: list[str],
        parameters: list[str],
    ):
        self.title, self.figure, self.others = title, figure, others
        self._gin_files, self._parameters = gin_files, parameters

    @property
    def runs(self) -> list[Run]:
        """One for each seed."""
        return [
            Run(
                f"{self.title}_seed{seed}",
                ["gin_configs/rmt/pipeline.gin", *self._gin_files],
                [*self._parameters, *_NO_LIMITS, _FORMS, f"SEED = {seed}"],
            )
            for seed in _SEEDS.value
        ]


class _Reports:
    """The export reports of one data set's runs."""

    def __init__(self, data: _Data, sweep: Sweep):
        self._figure = data.figure
        self._reports = [sweep.records[run.name]["export"] for run in data.runs]
        teachers = [sweep.records[run.name]["networks"] for run in data.runs]
        self._teachers = [networks["source"] for networks in teachers]

    def figures(self, name: str, *, attacked: bool = False, figure: str = "") -> np.ndarray:
        """A figure of "teacher", "network" or a file over the seeds, in percent."""
        figure = figure or self._figure
        if attacked:
            figure = f"{figure} at {_ATTACKED}"
        values = []
        for report, teacher in zip(self._reports, self._teachers):
            entry = report["network"] if name == "network" else report["files"].get(name)
            figures = teacher if name == "teacher" else entry["figures"]
            values += [found[figure] for found in figures.values() if figure in found][:1]
        return 100.0 * np.array(values)

    def worst_cosine(self, name: str) -> float:
        """Of a file's embeddings to those of the network, over all images and seeds."""
        return min(report["files"][name]["cosine"]["worst"] for report in self._reports)

    def worst_between_files(self) -> float:
        """Of the embeddings of the SavedModel to those of the float32 TFLite file."""
        return min(report["between_files"]["saved_model, float32"] for report in self._reports)

    def kilobytes(self, name: str) -> float:
        """The largest file of the seeds."""
        return max(report["files"][name]["bytes"] for report in self._reports) / 1e3

    def milliseconds(self, name: str) -> float:
        """Median latency of one image, mean over the seeds; of files on one thread."""
        return float(np.mean([self._milliseconds(report, name) for report in self._reports]))

    def faster(self, name: str) -> float:
        """How many times faster than the network a file is: the smallest ratio of the seeds."""
        return min(
            self._milliseconds(report, "network") / self._milliseconds(report, name)
            for report in self._reports
        )

    @property
    def images(self) -> int:
        """How many images the outputs were compared on."""
        return min(report["images"] for report in self._reports)

    def _milliseconds(self, report: dict, name: str) -> float:
        latency = (report["network"] if name == "network" else report["files"][name])["latency"]
        return latency.get("1 thread", latency.get("this process"))["median_ms"]


def _remembered(folder: pathlib.Path) -> dict:
    report = json.loads((folder / "export" / "export_report.json").read_text(encoding="utf-8"))
    del report["config"]
    return {"export": report}


def _data() -> list[_Data]:
    return [
        _Data(title="glyphs", figure="recall@1", others=("map@r",), gin_files=[], parameters=[]),
        _Data(
            title="faces",
            figure="accuracy",
            others=("auc", "eer"),
            gin_files=[
                "gin_configs/data/lfw.gin",
                "gin_configs/networks/imagenet_resnet.gin",
                "gin_configs/deployment/faces.gin",
            ],
            parameters=[
                *faces.lfw_parameters(_LFW.value),
                *faces.TEACHER,
                f"EPSILON = {1 / 255:.8f}",
                "image_view.ImageView.image_size = (24, 24)",
                "student/resnet.cifar_resnet.input_shape = (24, 24, 1)",
                "student/resnet.cifar_resnet.width = 0.75",
            ],
        ),
    ]


def _table(sweep: Sweep) -> str:
    columns = [
        *("data", "network or file", "figure", "change", f"at {_ATTACKED}", "change"),
        *("worst cosine", "kB", "ms", "faster"),
    ]
    titles = {
        "teacher": "teacher",
        "network": "student, Keras",
        "saved_model": "student, SavedModel",
        "float32": "student, TFLite float32",
        "int8": "student, TFLite int8",
    }
    rows = []
    for data in _data():
        reports = _Reports(data, sweep)
        reference = [reports.figures("network", attacked=attacked) for attacked in (False, True)]
        for name, title in titles.items():
            clean = reports.figures(name)
            attacked = reports.figures(name, attacked=True)
            row = [data.title, title, spread(clean), "", "", "", "", "", "", ""]
            if attacked.size:
                row[4] = spread(attacked)
            if name not in ("teacher", "network"):
                row[3] = difference(clean, reference[0])
                row[6] = f"{reports.worst_cosine(name):.4f}"
                row[7] = f"{reports.kilobytes(name):,.0f}"
                row[9] = f"{reports.faster(name):.1f}"
                if attacked.size:
                    row[5] = difference(attacked, reference[1])
            if name != "teacher":
                row[8] = f"{reports.milliseconds(name):.3f}"
            rows.append(row)
    return markdown_table(columns, rows, words=2)


def _other_figures(sweep: Sweep) -> str:
    rows = []
    for data in _data():
        reports = _Reports(data, sweep)
        for figure in data.others:
            network, int8 = (reports.figures(x, figure=figure) for x in ("network", "int8"))
            change = difference(int8, network)
            rows.append([data.title, figure, spread(network), spread(int8), change])
    columns = ["data", "figure", "student, Keras", "student, TFLite int8", "change"]
    return markdown_table(columns, rows, words=2)


def _comparisons(sweep: Sweep) -> str:
    lines = []
    for data in _data():
        reports = _Reports(data, sweep)
        lines.append(
            f"- {data.title}: {reports.images} held-out images; worst cosine between the "
            f"SavedModel and the TFLite float32 file {reports.worst_between_files():.6f}."
        )
    return "\n".join(lines)


def main() -> None:
    """Makes the missing runs, then writes the table."""
    sweep = result_page.open_sweep("deployed_students", more=_remembered)
    sweep.make([run for data in _data() for run in data.runs])
    result_page.write(
        f"""# Students as they are deployed

The whole pipeline on drawn characters and on faces (LFW): a teacher by joint adversarial training,
a student that imitates it without labels, and its files. Recall@1 on unseen characters and
verification accuracy on unseen people, in percent: mean ± standard deviation over
{len(_SEEDS.value)} seeds; changes are paired, against the student in Keras, with the p-value of a
t-test. "At" is projected gradient descent in 32 steps on 200 queries or pairs; the images that are
shown to a file were made on the student in Keras. Worst cosine, size and "faster" (than the student
in Keras, one image, one thread) are the worst of all seeds.

{_table(sweep)}

Figures that do not hang on a threshold or on the nearest neighbour alone:

{_other_figures(sweep)}

The embeddings of all files were compared with those of the network and with each other:

{_comparisons(sweep)}

    ./bazelw run //benchmarks:deployed_students -- --lfw=lfw112 \\
        --seeds={",".join(_SEEDS.value)} --output={result_page.output()}
""",
        sweep,
    )


if __name__ == "__main__":
    result_page.run(main)
