"""Writes the BUILD file of every folder from what the Python files in it import.

    ./bazelw run //bazel:write_build_files

Each file becomes one target of its name: a test where the name ends in `_test`, a binary where the
file ends in an `if __name__ == "__main__"` block, a library otherwise. What imports do not show, a
comment in the file adds to its target:

    # bazel: data = ["//rtml_tf:train"]

The tests of a folder that have no such comment run in one process, `all_tests`; the target of each
is run only when it is named.

A file for another Python environment is no target, and a folder of such files no package:

    # bazel: no target
"""

import ast
import os
import pathlib
import re
import sys

from bazel import imports

_HEADER = "# Written by bazel/write_build_files.py from what the files here import.\n"
_VISIBILITY = 'package(default_visibility = ["//visibility:public"])\n'
_LOADS = {
    "rtml_test": "//bazel:rtml_test.bzl",
    "rtml_tests": "//bazel:rtml_test.bzl",
    "py_binary": "@rules_python//python:py_binary.bzl",
    "py_library": "@rules_python//python:py_library.bzl",
}
_NO_TARGET_COMMENT = re.compile(r"^# bazel: no target$", re.MULTILINE)
_ATTRIBUTE_COMMENT = re.compile(r"^# bazel: (\w+) = (.+)$", re.MULTILINE)


def build_files(root: pathlib.Path) -> dict[pathlib.Path, str]:
    """The text of every BUILD file of a workspace, by its path relative to `root`.

    Args:
        root: The folder that holds WORKSPACE.

    Raises:
        ValueError: A file imports something that is not there; see `imports.needed_labels`.
    """
    folders = {pathlib.Path()}
    for top in imports.TOP_FOLDERS:
        for file in (root / top).rglob("*.py"):
            if _is_target(file):
                folders.update(file.relative_to(root).parents)
    if (root / "gin_configs").is_dir():
        folders.add(pathlib.Path("gin_configs"))
    return {folder / "BUILD": _build_file(root, folder, folders) for folder in sorted(folders)}


def _build_file(root: pathlib.Path, folder: pathlib.Path, folders: set[pathlib.Path]) -> str:
    """The text of one BUILD file: a target for each file, and all of them together."""
    files = sorted(filter(_is_target, (root / folder).glob("*.py")))
    together = {file.stem for file in files if _is_test_without_attributes(file)}
    if len(together) < 2:
        together = set()
    rules = {}
    for file in files:
        more = {"tags": _list(["manual"])} if file.stem in together else {}
        rules[file.stem] = _target(root, file.relative_to(root), **more)
    if together:
        rules["all_tests"] = _rule("rtml_tests", "all_tests", tests=_list(sorted(together)))
    if folder == pathlib.Path("gin_configs"):
        rules["gin_configs"] = _gin_configs(root)

    sources = 'glob(["BUILD", "**/*.py"])'
    if folder == pathlib.Path():
        # No folders: bazel-bin and its like lie here, with everything that was ever built.
        sources = 'glob(["BUILD", "requirements*", "setup.cfg", "*.py"])'
    children = sorted(child for child in folders - {pathlib.Path()} if child.parent == folder)
    if children:
        sources += f" + {_list([f'//{child.as_posix()}:all_files' for child in children])}"
    rules["all_files"] = _rule("filegroup", "all_files", srcs=sources)

    kinds = {rule.split("(")[0] for rule in rules.values()}
    loads = [f'load("{file}", "{kind}")\n' for kind, file in _LOADS.items() if kind in kinds]
    return "\n".join(["".join([_HEADER, *loads]), _VISIBILITY, *rules.values()])


def _is_target(file: pathlib.Path) -> bool:
    return not _NO_TARGET_COMMENT.search(file.read_text(encoding="utf-8"))


def _is_test_without_attributes(file: pathlib.Path) -> bool:
    source = file.read_text(encoding="utf-8")
    return file.stem.endswith("_test") and not _ATTRIBUTE_COMMENT.search(source)


def _target(root: pathlib.Path, path: pathlib.Path, **more: str) -> str:
    """The rule of one Python file; `more` are attributes besides those that its comments name."""
    source = (root / path).read_text(encoding="utf-8")
    kind = "py_library"
    if path.stem.endswith("_test"):
        kind = "rtml_test"
    elif imports.ends_in_main_block(ast.parse(source)):
        kind = "py_binary"
    deps = _labels(imports.needed_labels(root, path), path.parent)
    attributes = dict(_ATTRIBUTE_COMMENT.findall(source), **more)
    return _rule(kind, path.stem, srcs=_list([path.name]), **attributes, deps=deps)


def _gin_configs(root: pathlib.Path) -> str:
    """The gin files, with the libraries that a gin file can name: those of rtml_tf's folders."""
    modules = sorted(path.relative_to(root) for path in (root / "rtml_tf").glob("*/**/*.py"))
    deps = {f"//{path.parent.as_posix()}:{path.stem}" for path in modules}
    data = 'glob(["**/*.gin"])'
    folder = pathlib.Path("gin_configs")
    return _rule("py_library", "gin_configs", data=data, deps=_labels(deps, folder))


def _rule(kind: str, name: str, **attributes: str) -> str:
    """One rule as text; attributes without a value are left out."""
    lines = [f"    {key} = {value},\n" for key, value in attributes.items() if value]
    return f'{kind}(\n    name = "{name}",\n{"".join(lines)})\n'


def _labels(labels: set[str], folder: pathlib.Path) -> str:
    """A list of labels as a target of `folder` writes it: those of the folder, then the others."""
    here = f"//{folder.as_posix()}:"
    short = [label.replace(here, ":", 1) for label in labels]
    return _list(sorted(short, key=lambda label: (":/@".index(label[0]), label)))


def _list(items: list[str]) -> str:
    """A list of strings, one a line if there are several; empty text for an empty list."""
    if len(items) > 1:
        return "[\n" + "".join(f'        "{item}",\n' for item in items) + "    ]"
    return f'["{items[0]}"]' if items else ""


def outdated(root: pathlib.Path) -> dict[pathlib.Path, str | None]:
    """The BUILD files that are not as they should be: their text, None where one should not be.

    Args:
        root: The folder that holds WORKSPACE.

    Raises:
        ValueError: See `build_files`.
    """
    texts = build_files(root)
    found = [path for top in imports.TOP_FOLDERS for path in (root / top).rglob("BUILD")]
    superfluous = {path.relative_to(root) for path in found} - texts.keys()
    changed = {
        path: text
        for path, text in texts.items()
        if not (root / path).is_file() or (root / path).read_text(encoding="utf-8") != text
    }
    return {**changed, **dict.fromkeys(sorted(superfluous))}


def main() -> None:
    """Writes the BUILD files that are not as they should be, and names them."""
    root = pathlib.Path(os.environ.get("BUILD_WORKSPACE_DIRECTORY", "."))
    try:
        files = outdated(root)
    except ValueError as error:
        sys.exit(str(error))
    for path, text in files.items():
        if text is None:
            (root / path).unlink()
        else:
            (root / path).write_text(text, encoding="utf-8")
        print(f"{'removed' if text is None else 'wrote'} {path}")


if __name__ == "__main__":
    main()
