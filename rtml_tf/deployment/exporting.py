"""Exports a network: writes its files, proves them, and only then gives them their names."""

import json
import pathlib
import platform
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf
from absl import logging

from rtml_tf.deployment.deployable import deployable_network
from rtml_tf.deployment.embedding_endpoints import EmbeddingEndpoints
from rtml_tf.deployment.endpoints import Endpoints
from rtml_tf.deployment.example_images import first_images
from rtml_tf.deployment.form import Form
from rtml_tf.deployment.metadata import metadata_path, size_and_digest
from rtml_tf.deployment.model_card import ModelCard
from rtml_tf.deployment.network_description import NetworkDescription
from rtml_tf.deployment.proof import Proof, StartedProof
from rtml_tf.deployment.quantization_aware_tuning import QuantizationAwareTuning
from rtml_tf.deployment.segmentation_endpoints import SegmentationEndpoints
from rtml_tf.deployment.similarity_thresholds import SimilarityThresholds
from rtml_tf.deployment.staging import staged
from rtml_tf.networks.checking import check_input_shape
from rtml_tf.networks.fingerprint import network_fingerprint
from rtml_tf.networks.summary import summarize
from rtml_tf.runs.run_folder import read_json, write_json, write_text

REPORT, CARD = "export_report.json", "model_card.md"
FAILED_REPORT, FAILED_CARD = f"failed_{REPORT}", f"failed_{CARD}"


class ExportFailed(ValueError):
    """Files that are too far from their network; the report has the figures."""


def export(
    *,
    run_dir: str,
    network: tf.keras.Model,
    forms: Mapping[str, Form],
    examples: Any,
    proof: Proof,
    num_examples: int = 500,
    tuning: Mapping[str, QuantizationAwareTuning] | None = None,
    thresholds: SimilarityThresholds | None = None,
    card: ModelCard | None = None,
    name: str = "network",
    beside: Mapping[str, tf.keras.Model] | None = None,
    resize_to: int | tuple[int, int] | None = None,
    aligned_corners: bool = False,
    provenance: Mapping | None = None,
    describe_config: Callable[[], str] = lambda: "",
    dry_run: bool = False,
) -> dict | None:
    """Exports a network in several forms and measures each file beside it.

    The folder gets every file (`<form><suffix>`), its metadata beside it (`<file>.json`), the
    report `export_report.json` and the model card `model_card.md`. TFLite files also hold their
    metadata themselves. When all of them keep the limits, they take the places of those of an
    earlier export together. Otherwise only a report and a card are written, of other names
    (`failed_export_report.json`, `failed_model_card.md`), and an earlier export stays as it is. An
    export that the folder already holds is not made again.

    Args:
        run_dir: The folder.
        network: A network of images: one that embeds or one that segments. Of branches the clean
            one is exported.
        forms: The forms and the names of the files without suffix.
        examples: Gives images that were trained on, from which the ranges of integers are taken:
            any object whose `dataset()` gives dicts with "image".
        proof: What is measured.
        num_examples: At most this many examples.
        tuning: By the name of a form, how the network is tuned on the examples before it is written
            in that form. What it is measured against is always the network itself.
        thresholds: Similarity thresholds, measured with each file; of embedding networks only.
        card: What people know about the network. None: `ModelCard()`.
        name: What the network is called in the final table, before the name of the form.
        beside: By name, networks of images whose size and latency stand beside those of the files
            in the final table, such as the exported one and its teacher.
        resize_to: How encoded images are resized before the centre is cut out (see `ImageFiles`).
            None: as the images that the files are measured on.
        aligned_corners: How logits of a segmentation network are resized, as in training.
        provenance: How the network was made, for the metadata; anything that JSON can hold.
        describe_config: Gives the resolved configuration as text, once everything is built.
        dry_run: Show the network's size and the configuration, and stop.

    Returns:
        The report, with the figures of each file also under "networks", as `pipeline.run` takes
        them. `None` after a dry run.

    Raises:
        ExportFailed: If a file does not keep a limit.
        ValueError: If the network cannot be exported, or does not take the images.
    """
    if not forms:
        raise ValueError("forms must hold at least one form, got none.")
    tuning = dict(tuning or {})
    unknown = sorted(set(tuning) - set(forms))
    if unknown:
        raise ValueError(f"tuning names {', '.join(unknown)}; the forms are {', '.join(forms)}.")
    resize_to = proof.resize_to if resize_to is None else resize_to
    deployable = deployable_network(network)
    deployed = _endpoints(deployable, resize_to, aligned_corners)
    whole = _endpoints(network, resize_to, aligned_corners)
    started = proof.start(network, whole, forms)
    print(summarize(network))
    config = describe_config()
    if dry_run:
        print(config)
        return None
    folder, card = pathlib.Path(run_dir), card or ModelCard()
    made_from = {
        "fingerprint": network_fingerprint(network),
        "config": config,
        # As it is read back.
        "provenance": json.loads(json.dumps(dict(provenance or {}))),
    }
    earlier = read_json(folder / REPORT) if (folder / REPORT).exists() else None
    if earlier is not None and _holds(folder, earlier, made_from):
        logging.info("%s holds this export, finished.", folder)
        return earlier
    images = first_images(examples, num_examples, input_shape=network.input_shape[1:])
    check_input_shape(network, images.shape[1:])
    description = NetworkDescription(
        name=network.name,
        version=made_from["fingerprint"],
        text=card.summary(),
        licence=card.licence,
        labels=card.labels,
    )
    about_all = {
        "preprocessing": _preprocessing(deployed, resize_to),
        "labels": list(card.labels),
        "licence": card.licence,
        "provenance": made_from["provenance"],
    }
    with staged(folder, instead_of=_names_of(earlier)) as aside:
        paths = {key: aside / f"{key}{form.suffix}" for key, form in forms.items()}
        # First all of them: a conversion may fail, and measuring takes long.
        for form_name, form in forms.items():
            path = paths[form_name]
            logging.info("Writing %s", path.name)
            written = deployed
            if form_name in tuning:
                tuned = tuning[form_name].tuned(deployable, images)
                written = _endpoints(tuned, resize_to, aligned_corners)
            form.write(written, path, images)
            form.add_description(path, description)
        report = _report_of_network(network.name, started, proof, made_from)
        for form_name, form in forms.items():
            path = paths[form_name]
            logging.info("Measuring %s", path.name)
            file = form.load(deployed, path)
            measured = {"tuned": form_name in tuning}
            measured |= started.of_file(form_name, form, deployed, path)
            measured["thresholds"] = [] if thresholds is None else thresholds.measure(file)
            metadata = measured | form.describe(file) | about_all
            form.add_metadata(path, metadata)
            entry = _entry(path) | measured
            write_json(metadata_path(path), entry | metadata)
            report["files"][form_name] = entry
            report["violations"] += proof.limits.violations(
                form_name, entry, report["network"]["figures"]
            )
        report["between_files"] = started.between_files()
        report["networks"] = {
            other_name: _row_of_network(other, proof.latency_of(other))
            for other_name, other in (beside or {}).items()
        }
        report["networks"] |= {f"{name} {key}": _row(f) for key, f in report["files"].items()}
        if report["violations"]:
            write_json(folder / FAILED_REPORT, report)
            write_text(folder / FAILED_CARD, card.render(report))
            raise ExportFailed(
                "the files are too far from the network, and are not kept:\n"
                + "\n".join(report["violations"])
                + f"\nThe report is {folder / FAILED_REPORT}."
            )
        write_json(aside / REPORT, report)
        write_text(aside / CARD, card.render(report))
    return report


# As a stage of a run on many devices: what converts networks knows one.
export.on_one_device = True


def _endpoints(
    network: tf.keras.Model, resize_to: int | tuple[int, int] | None, aligned_corners: bool
) -> Endpoints:
    if isinstance(network.output, Mapping):
        return SegmentationEndpoints(network=network, aligned_corners=aligned_corners)
    return EmbeddingEndpoints(network=network, resize_to=resize_to)


def _report_of_network(
    name: str, started: StartedProof, proof: Proof, made_from: Mapping[str, Any]
) -> dict:
    """The report as it is before a file is measured."""
    figures = started.of_network()
    return {
        "violations": [],
        "network": {"name": name, "fingerprint": made_from["fingerprint"], **figures},
        "files": {},
        "images": len(started.images),
        "limits": proof.limits.describe(),
        # What evaluations say of their latest network is said of this one, not of a file.
        "evaluations": started.describe(),
        "machine": f"{platform.machine()}, TensorFlow {tf.__version__}",
        "config": made_from["config"],
        "provenance": made_from["provenance"],
    }


def _holds(folder: pathlib.Path, report: Mapping, made_from: Mapping[str, Any]) -> bool:
    """Whether an earlier export is whole, and of the same network by the same configuration."""
    made = {
        "fingerprint": report["network"]["fingerprint"],
        "config": report["config"],
        "provenance": report.get("provenance"),
    }
    paths = {folder / entry["file"]: entry["sha256"] for entry in report["files"].values()}
    return made == made_from and all(
        path.exists() and size_and_digest(path)[1] == digest for path, digest in paths.items()
    )


def _names_of(report: Mapping | None) -> list[str]:
    """What an earlier export, and one that failed since, have left in their folder."""
    files = [] if report is None else [entry["file"] for entry in report["files"].values()]
    beside = [metadata_path(pathlib.Path(file)).name for file in files]
    return [*files, *beside, FAILED_REPORT, FAILED_CARD]


def _entry(path: pathlib.Path) -> dict:
    size, digest = size_and_digest(path)
    return {"file": path.name, "bytes": size, "sha256": digest}


def _preprocessing(endpoints: Endpoints, resize_to: int | tuple[int, int] | None) -> dict:
    """What becomes of an image file, in the words of `ImageFiles`."""
    *image_size, channels = endpoints.image_shape
    return {
        "channels": channels,
        "resize_to": image_size if resize_to is None else resize_to,
        "image_size": image_size,
    }


def _row(entry: Mapping) -> dict[str, dict[str, float]]:
    """The figures of a file as the final table shows them."""
    file = {"kB": entry["bytes"] / 1e3, "worst cosine": entry["cosine"]["worst"]}
    file |= _milliseconds(entry["latency"])
    if entry["peak_memory"] is not None:
        file["peak MiB"] = entry["peak_memory"] / 2**20
    return {**entry["figures"], "file": file}


def _row_of_network(
    network: tf.keras.Model, latency: Mapping[str, Mapping[str, float]]
) -> dict[str, dict[str, float]]:
    """What the table of the files has of a network: its weights and its latency."""
    return {"file": {"kB": summarize(network).bytes / 1e3, **_milliseconds(latency)}}


def _milliseconds(latency: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    return {f"ms, {where}": measured["median_ms"] for where, measured in latency.items()}
