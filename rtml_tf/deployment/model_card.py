"""The model card: what a deployed network is for, how good it is, and how it was made."""

from collections.abc import Mapping, Sequence


class ModelCard:
    """What only people know about a network, and the report of its export, as Markdown.

    Attributes:
        licence: Of the files.
        labels: Names of the classes, for networks that tell classes apart.
    """

    def __init__(
        self,
        *,
        intended_use: str = "Not stated.",
        data: str = "Not stated.",
        limits: str = "Not stated.",
        licence: str = "Not stated.",
        labels: Sequence[str] = (),
    ):
        """Takes the texts.

        Args:
            intended_use: What the network is for, and what it is not for.
            data: What it was trained and evaluated on.
            limits: Where it is known, or expected, to fail.
            licence: Of the files.
            labels: Names of the classes, in the order of the logits.

        Raises:
            ValueError: If a label is not one line.
        """
        damaged = [label for label in labels if len(label.splitlines()) != 1]
        if damaged:
            raise ValueError(f"labels must be of one line each, got {damaged[0]!r}.")
        self._sections = {"Intended use": intended_use, "Data": data, "Limits": limits}
        self.licence = licence
        self.labels = tuple(labels)

    def summary(self) -> str:
        """What the network is for, was made of and cannot do, a line each."""
        return "\n".join(f"{title}: {text}" for title, text in self._sections.items())

    def render(self, report: Mapping) -> str:
        """The card as Markdown.

        Args:
            report: As `exporting.export` writes it.
        """
        network = report["network"]
        lines = [f"# {network['name']}", ""]
        if report["violations"]:
            lines += ["**This export failed:**", "", *(f"- {v}" for v in report["violations"]), ""]
        for title, text in self._sections.items():
            lines += [f"## {title}", "", text, ""]
        lines += ["## Licence", "", self.licence, "", "## Files", ""]
        lines += _table(_file_rows(report))
        lines += [
            "",
            f"Cosine is between the outputs of the file and of the network, on {report['images']} "
            "images that were not trained on. Latency is of one image, after warm-up, on this "
            f"machine: {report['machine']}. Memory is what a process takes to load the file and "
            "run it, beside the libraries.",
            "",
            *_between_files(report["between_files"]),
            "## Figures",
            "",
            *_table(_figure_rows(report)),
        ]
        for name, description in report["evaluations"].items():
            lines += ["", f"### {name}", ""]
            lines += [f"- {key}: {value}" for key, value in description.items()]
        thresholds = {n: f["thresholds"] for n, f in report["files"].items() if f["thresholds"]}
        if thresholds:
            lines += ["", "## Thresholds", ""]
            lines += ["Two images show the same from this similarity (cosine) on.", ""]
            lines += _table(_threshold_rows(thresholds))
        lines += ["", "## Configuration", "", "```", report["config"].strip(), "```", ""]
        return "\n".join(lines)


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Markdown; the first row is the head."""
    head, *body = (f"| {' | '.join(row)} |" for row in rows)
    return [head, "|" + "---|" * len(rows[0]), *body]


def _file_rows(report: Mapping) -> list[list[str]]:
    network, files = report["network"], report["files"].values()
    threads = list(dict.fromkeys(name for x in (network, *files) for name in x["latency"]))
    rows = [["file", "bytes", "mean cosine", "worst cosine"]]
    rows[0] += [f"median (95 %) ms, {name}" for name in threads] + ["peak memory, MiB"]
    rows.append(["the network itself", "-", "-", "-", *_latencies(network, threads), "-"])
    for file in files:
        cosine = [f"{file['cosine'][which]:.4f}" for which in ("mean", "worst")]
        memory = "-" if file["peak_memory"] is None else f"{file['peak_memory'] / 2**20:.1f}"
        cells = [*cosine, *_latencies(file, threads), memory]
        rows.append([file["file"], str(file["bytes"]), *cells])
    return rows


def _between_files(cosines: Mapping[str, float]) -> list[str]:
    if not cosines:
        return []
    pair, worst = min(cosines.items(), key=lambda item: item[1])
    return [f"The two files that differ most are {pair}: their worst cosine is {worst:.4f}.", ""]


def _latencies(measured: Mapping, threads: Sequence[str]) -> list[str]:
    latencies = [measured["latency"].get(name) for name in threads]
    return [f"{x['median_ms']:.2f} ({x['p95_ms']:.2f})" if x else "-" for x in latencies]


def _figure_rows(report: Mapping) -> list[list[str]]:
    columns = {"network": report["network"]["figures"]}
    columns |= {name: file["figures"] for name, file in report["files"].items()}
    rows = [["figure", *columns]]
    for evaluation, figures in report["network"]["figures"].items():
        for figure in figures:
            values = [column.get(evaluation, {}).get(figure) for column in columns.values()]
            cells = ["-" if value is None else f"{value:.4g}" for value in values]
            rows.append([f"{evaluation}: {figure}", *cells])
    return rows


def _threshold_rows(thresholds: Mapping[str, Sequence[Mapping]]) -> list[list[str]]:
    rows = [["file", "false accept rate", "threshold", "measured FAR", "measured TAR"]]
    keys = ("false_accept_rate", "threshold", "measured_far", "measured_tar")
    for name, entries in thresholds.items():
        rows += [[name, *(f"{entry[key]:.4g}" for key in keys)] for entry in entries]
    return rows
