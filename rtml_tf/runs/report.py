"""The final figures as a table, and where to look next."""

from collections.abc import Mapping

from rtml_tf.runs.run_folder import RunFolder


def figures_table(networks: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """Lays out figures as plain text: a row a network, a column a figure.

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
        columns = list(dict.fromkeys(name for figures in rows.values() for name in figures))
        cells = [[evaluation, *columns]]
        for network, figures in rows.items():
            cells.append(
                [network, *(f"{figures[c]:.4g}" if c in figures else "-" for c in columns)]
            )
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


def closing_report(metrics: Mapping, folder: RunFolder) -> str:
    """The text that ends a run: the table, how training went, and the next commands."""
    training = metrics["training"]
    lines = [figures_table(metrics["networks"]), ""]
    lines.append(
        f"Trained {training['steps']} steps in {training['seconds']:.0f} s; the network is of "
        f"epoch {training['network_epoch']}"
        + (f", best by {training['selected_by']}." if training["selected_by"] else ", the last.")
    )
    lines += [
        f"Everything is in {folder.path}: {folder.network.name}, {folder.metrics.name}, "
        f"{folder.log.name}, {folder.config.name}.",
        f"Watch:     ./bazelw run //rtml_tf:watch -- --logdir={folder.path}",
        f"Evaluate:  ./bazelw run //rtml_tf:evaluate -- --run_dir={folder.path}",
    ]
    return "\n".join(lines)
