"""Which targets a Python file of this workspace needs, from what it imports."""

import ast
import pathlib
import re
import sys
from collections.abc import Iterator

TOP_FOLDERS = ("bazel", "benchmarks", "examples", "gin_configs", "rtml_tf", "tests")

# Packages whose name on the package index is not the name by which they are imported.
_REQUIREMENTS_BY_MODULE = {
    "PIL": "pillow",
    "absl": "absl_py",
    "gin": "gin_config",
    "google": "protobuf",
    "mpl_toolkits": "matplotlib",
    "skimage": "scikit_image",
    "sklearn": "scikit_learn",
}


def requirements(root: pathlib.Path) -> frozenset[str]:
    """The packages that requirements.in names, as labels spell them: `gin_config`."""
    lines = (root / "requirements.in").read_text().splitlines()
    names = (re.match(r"[\w.-]+", line) for line in lines)
    return frozenset(re.sub(r"[-.]", "_", name[0].lower()) for name in names if name)


def ends_in_main_block(tree: ast.Module) -> bool:
    """Whether the last statement is `if __name__ == "__main__":`."""
    last = tree.body[-1] if tree.body else None
    return isinstance(last, ast.If) and ast.unparse(last.test) == "__name__ == '__main__'"


def needed_labels(root: pathlib.Path, path: pathlib.Path) -> set[str]:
    """The labels of everything that a file needs: files here and packages of requirements.in.

    Who imports gin needs the gin files, and with them every library that a gin file can name.

    Args:
        root: The folder that holds WORKSPACE.
        path: The file, relative to `root`.

    Raises:
        ValueError: An import is relative, or is not found in the workspace, in requirements.in or
            in the standard library.
    """
    tree = ast.parse((root / path).read_text(encoding="utf-8"))
    packages, labels = requirements(root), set()
    for module, name in _imported(tree, path):
        top = module.split(".")[0]
        if top in TOP_FOLDERS:
            label = (name and _label(root, f"{module}.{name}")) or _label(root, module)
            if label is None:
                raise ValueError(f"{path} imports {module}, which does not exist.")
            labels.add(label)
        elif top not in sys.stdlib_module_names:
            requirement = _REQUIREMENTS_BY_MODULE.get(top, top)
            if requirement not in packages:
                raise ValueError(f"{path} imports {top}, which requirements.in does not name.")
            labels.add(f"@pypi//{requirement}")
    if "@pypi//gin_config" in labels:
        labels.add("//gin_configs")
    # Importing a module runs the __init__.py of its folder and of those above it.
    package = path.parent.parent if path.name == "__init__.py" else path.parent
    if (root / package / "__init__.py").is_file():
        labels.add(f"//{package.as_posix()}:__init__")
    return labels - {f"//{path.parent.as_posix()}:{path.stem}"}


def _label(root: pathlib.Path, module: str) -> str | None:
    """The label of a module's file, or of the `__init__.py` of a package, if there is one."""
    path = pathlib.Path(*module.split("."))
    if (root / path).with_suffix(".py").is_file():
        return f"//{path.parent.as_posix()}:{path.name}"
    if (root / path / "__init__.py").is_file():
        return f"//{path.as_posix()}:__init__"
    return None


def _imported(tree: ast.Module, path: pathlib.Path) -> Iterator[tuple[str, str | None]]:
    """Each imported module, with the name taken from it if there is one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise ValueError(f"{path}:{node.lineno} is a relative import, expected a full one.")
            yield from ((node.module, alias.name) for alias in node.names)
