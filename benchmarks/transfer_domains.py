"""The pairs of domains that robust teachers are transferred between."""

import dataclasses

from benchmarks import characters_or_faces, faces

ATTACKED = "4/255"
# Keeps the students below 1/20 of the multiply-adds of their teachers.
_NARROW = "student/resnet.cifar_resnet.width = 0.375"


@dataclasses.dataclass(frozen=True)
class Domains:
    """A source and a target domain.

    Attributes:
        name: Of the folder of their runs.
        flag: That names them.
        title: What goes where, in words.
        source: Gin files and bindings of the teachers' data and network.
        target: Gin files and bindings of the students' data and network.
        clean: Evaluation and figure that count.
        attacked: The same under attack.
        sample: The same without attack, of the images that are attacked.
        robust_evaluation: What measures it, in gin.
    """

    name: str
    flag: str
    title: str
    source: tuple[tuple[str, ...], tuple[str, ...]]
    target: tuple[tuple[str, ...], tuple[str, ...]]
    clean: tuple[str, str]
    attacked: tuple[str, str]
    sample: tuple[str, str]
    robust_evaluation: str


def chosen_domains() -> Domains:
    """The domains that the flags name."""
    name, flag, parameters = characters_or_faces.chosen_data()
    if name == "omniglot":
        return Domains(
            name="characters",
            flag=flag,
            title="From printed to handwritten characters",
            source=((), ()),
            target=(
                ("gin_configs/data/omniglot.gin",),
                (
                    *parameters,
                    # As large as the printed ones.
                    "INPUT_SHAPE = (32, 32, 1)",
                    "image_folder.ImageFolder.image_size = (32, 32)",
                    "splits.class_split.fractions = {'train': 0.75, 'validation': 0.25}",
                    _NARROW,
                ),
            ),
            clean=("unseen classes", "recall@1"),
            attacked=("unseen classes, misranked", f"recall@1 at {ATTACKED}"),
            sample=("unseen classes, misranked", "recall@1 at 0"),
            robust_evaluation="robust_retrieval.RobustRetrievalEvaluation",
        )
    return Domains(
        name="faces",
        flag=flag,
        title="From clean to corrupted faces",
        source=(
            ("gin_configs/data/lfw.gin", "gin_configs/networks/imagenet_resnet.gin"),
            (*parameters, *faces.TEACHER),
        ),
        target=(
            ("gin_configs/data/lfw_corrupted.gin",),
            (
                *parameters,
                "image_view.ImageView.image_size = (24, 24)",
                "student/resnet.cifar_resnet.input_shape = (24, 24, 1)",
                _NARROW,
            ),
        ),
        clean=("faces", "accuracy"),
        attacked=("faces, attacked", f"accuracy at {ATTACKED}"),
        sample=("faces, attacked", "accuracy at 0"),
        robust_evaluation="robust_verification.RobustVerificationEvaluation",
    )
