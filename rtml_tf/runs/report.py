"""The final figures as a table, and where to look next."""

import math
import pathlib
from collections.abc import Mapping

# A table of more figures has a row for each, so that it fits a screen.
_MOST_FIGURES_IN_A_ROW = 8


def figures_table(networks: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """Lays out figures as plain text: a row a network, a column a figure.

    An evaluation of many figures has a row a figure and a column a network instead.

    Args:
        networks: `{network: {evaluation: {figure: value}}}`. Networks may lack figures that
            others have.

    Returns:
        One table for each evaluation, under its name.
    """
    evaluations = dict.fromkeys(name for figures in networks.values() for name in figures)
    tables = []
    for evaluation in evaluations:
        rows = {
            network: figures[evaluation]
            for network, figures in networks.items()
            if evaluation in figures
        }
        names = list(dict.fromkeys(name for figures in rows.values() for name in figures))
        cells = [[evaluation, *names]]
        for network, figures in rows.items():
            cells.append([network, *(_cell(figures.get(name)) for name in names)])
        if len(names) > _MOST_FIGURES_IN_A_ROW:
            cells = list(map(list, zip(*cells)))
        widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
        lines = [
            "  ".join(
                [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:]))]
            ).rstrip()
            for row in cells
        ]
        lines.insert(1, "-" * len(lines[0]))
        tables.append("\n".join(lines))
    return "\n\n".join(tables)


def _cell(figure: float | None) -> str:
    # A figure that is not a number is `None` when it was read from a file.
    return "-" if figure is None or math.isnan(figure) else f"{figure:.4g}"


def closing_report(metrics: Mapping, run_dir: str) -> str:
    """The text that ends a run: the table, how training went, and the next commands.

    Args:
        metrics: What `training.train` or `pipeline.run` returned.
        run_dir: The folder of the run.
    """
    stages, folder = metrics["training"], pathlib.Path(run_dir)
    if "steps" in stages:
        stages, folders = {"trained": stages}, {"trained": folder}
    else:
        folders = {name: folder / name for name in stages}
    lines = [figures_table(metrics["networks"]), ""]
    for name, training in stages.items():
        how = f"fitted in {training['seconds']:.0f} s"
        if training["steps"]:
            chosen = f"best by {training['selected_by']}" if training["selected_by"] else "the last"
            how = (
                f"{training['steps']} steps in {training['seconds']:.0f} s, network of epoch "
                f"{training['network_epoch']} ({chosen})"
            )
            if training.get("skipped_steps"):
                how += f", {training['skipped_steps']} steps skipped (not finite)"
        lines.append(f"{name}: {how}, in {folders[name]}")
    lines += ["", f"Watch:     ./bazelw run //rtml_tf:watch -- --logdir={folder}"]
    # Only what was evaluated has evaluations that can be made again.
    evaluated = [folders[name] for name in folders if metrics["networks"].get(name)]
    if evaluated:
        lines.append(f"Evaluate:  ./bazelw run //rtml_tf:evaluate -- --run_dir={evaluated[-1]}")
    return "\n".join(lines)
