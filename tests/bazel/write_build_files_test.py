"""The BUILD files of this workspace, and how they are written."""

# bazel: data = ["//:all_files"]

import ast
import functools
import pathlib

from absl.testing import absltest, parameterized

from bazel import imports, write_build_files

ROOT = pathlib.Path(__file__).parent.parent.parent


class ThisWorkspaceTest(absltest.TestCase):
    def test_build_files_are_what_the_imports_ask_for(self):
        paths = sorted(path.as_posix() for path in write_build_files.outdated(ROOT))
        self.assertEmpty(paths, "Mend them with: ./bazelw run //bazel:write_build_files")

    def test_every_test_file_ends_in_a_main_block(self):
        # Bazel runs the file; without the block it would pass without a test.
        files = sorted((ROOT / "tests").rglob("*_test.py"))
        self.assertIn(ROOT / "tests" / "bazel" / "write_build_files_test.py", files)
        for file in files:
            tree = ast.parse(file.read_text(encoding="utf-8"))
            self.assertTrue(
                imports.ends_in_main_block(tree),
                f'{file.relative_to(ROOT)} must end in `if __name__ == "__main__":`.',
            )

    def test_every_name_that_a_file_imports_from_another_is_there(self):
        # Benchmarks and examples are not run by any test.
        for folder in imports.TOP_FOLDERS:
            for file in sorted((ROOT / folder).rglob("*.py")):
                tree = ast.parse(file.read_text(encoding="utf-8"))
                for node in ast.walk(tree):
                    if not isinstance(node, ast.ImportFrom):
                        continue
                    module = ROOT.joinpath(*node.module.split(".")).with_suffix(".py")
                    if not module.exists():
                        continue  # A folder, whose files BUILD files name; or a package.
                    absent = {alias.name for alias in node.names} - _top_level_names(module)
                    self.assertEmpty(absent, f"{file.relative_to(ROOT)} imports from {node.module}")


@functools.cache
def _top_level_names(file: pathlib.Path) -> frozenset[str]:
    """What a file defines, assigns or imports outside of functions and classes."""
    names = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
        else:
            stored = (x for x in ast.walk(node) if isinstance(x, ast.Name))
            names.update(name.id for name in stored if isinstance(name.ctx, ast.Store))
    return frozenset(names)


class WorkspaceTestCase(parameterized.TestCase):
    """A workspace of a few files to write BUILD files for."""

    def setUp(self):
        super().setUp()
        self.root = pathlib.Path(self.create_tempdir().full_path)
        self.write("requirements.in", "# What is used.\ngin-config==0.5.0\nnumpy<2\npillow\n")

    def write(self, path: str, text: str = "") -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def rule(self, path: str) -> str:
        """The rule of the target that a BUILD file has for the Python file at `path`."""
        folder, name = pathlib.Path(path).parent, pathlib.Path(path).stem
        rules = write_build_files.build_files(self.root)[folder / "BUILD"].split("\n\n")
        return next(rule for rule in rules if f'    name = "{name}",\n' in rule)


class DepsTest(WorkspaceTestCase):
    @parameterized.parameters(
        ("import os.path", ""),
        ("import numpy as np", "@pypi//numpy"),
        ("from PIL import Image", "@pypi//pillow"),
        ("def late():\n    import numpy", "@pypi//numpy"),
        ("from rtml_tf.data import source", "//rtml_tf/data:source"),
        ("from rtml_tf.data.source import ImageSource", "//rtml_tf/data:source"),
        ("import rtml_tf.data.source", "//rtml_tf/data:source"),
        ("from rtml_tf import __version__", "//rtml_tf:__init__"),
    )
    def test_an_import_is_a_dep(self, code, label):
        self.write("rtml_tf/__init__.py")
        self.write("rtml_tf/data/source.py")
        self.write("tests/a_test.py", code)
        expected = f'    deps = ["{label}"],\n' if label else ""
        self.assertEqual(
            self.rule("tests/a_test.py"),
            f'rtml_test(\n    name = "a_test",\n    srcs = ["a_test.py"],\n{expected})',
        )

    def test_a_module_needs_the_packages_it_lies_in(self):
        self.write("rtml_tf/__init__.py")
        self.write("rtml_tf/data/__init__.py")
        self.write("rtml_tf/data/source.py")
        self.assertIn('deps = [":__init__"]', self.rule("rtml_tf/data/source.py"))
        self.assertIn('deps = ["//rtml_tf:__init__"]', self.rule("rtml_tf/data/__init__.py"))
        self.assertNotIn("deps", self.rule("rtml_tf/__init__.py"))

    def test_who_imports_gin_gets_the_gin_files_and_all_they_can_name(self):
        self.write("gin_configs/quickstart.gin")
        self.write("rtml_tf/data/source.py")
        self.write("rtml_tf/configuration.py", "import gin")
        self.assertIn('"//gin_configs",', self.rule("rtml_tf/configuration.py"))
        configs = self.rule("gin_configs/gin_configs.py")
        self.assertIn('data = glob(["**/*.gin"])', configs)
        self.assertIn('deps = ["//rtml_tf/data:source"]', configs)

    def test_comments_add_attributes(self):
        comments = '# bazel: size = "large"\n# bazel: data = ["//rtml_tf:train"]\n'
        self.write("tests/a_test.py", comments + "import numpy")
        self.assertEqual(
            self.rule("tests/a_test.py"),
            'rtml_test(\n    name = "a_test",\n    srcs = ["a_test.py"],\n    size = "large",\n'
            '    data = ["//rtml_tf:train"],\n    deps = ["@pypi//numpy"],\n)',
        )

    def test_a_file_for_another_environment_is_no_target_and_its_folder_no_package(self):
        self.write("benchmarks/peer.py", "import numpy")
        self.write("benchmarks/peers/step.py", "# bazel: no target\nimport torch")
        files = write_build_files.build_files(self.root)
        self.assertNotIn(pathlib.Path("benchmarks/peers/BUILD"), files)
        self.assertIn('"peer"', files[pathlib.Path("benchmarks/BUILD")])


class AllFilesTest(WorkspaceTestCase):
    def test_every_folder_hands_on_its_files_and_what_was_built_is_none_of_them(self):
        self.write("rtml_tf/data/source.py")
        self.write("bazel-bin/rtml_tf/data/source.py")
        self.assertEqual(
            self.rule("all_files.py"),
            'filegroup(\n    name = "all_files",\n'
            '    srcs = glob(["BUILD", "requirements*", "setup.cfg", "*.py"]) + '
            '["//rtml_tf:all_files"],\n)\n',
        )
        self.assertIn('glob(["BUILD", "**/*.py"])', self.rule("rtml_tf/data/all_files.py"))


class TogetherTest(WorkspaceTestCase):
    def test_tests_of_a_folder_without_attributes_run_together(self):
        self.write("tests/a_test.py")
        self.write("tests/b_test.py", "import numpy")
        self.write("tests/large_test.py", '# bazel: size = "large"\n')
        self.write("tests/helper.py")
        together = self.rule("tests/all_tests.py")
        self.assertStartsWith(together, "rtml_tests(")
        self.assertIn('tests = [\n        "a_test",\n        "b_test",\n    ]', together)
        for name, manual in {"a_test": True, "b_test": True, "large_test": False}.items():
            self.assertEqual('tags = ["manual"]' in self.rule(f"tests/{name}.py"), manual, name)

    def test_a_single_test_runs_alone(self):
        self.write("tests/a_test.py")
        self.write("tests/large_test.py", '# bazel: size = "large"\n')
        build_file = write_build_files.build_files(self.root)[pathlib.Path("tests/BUILD")]
        self.assertNotIn("all_tests", build_file)
        self.assertNotIn("manual", build_file)


class KindsTest(WorkspaceTestCase):
    def test_name_and_main_block_decide(self):
        main_block = 'if __name__ == "__main__":\n    pass\n'
        self.write("rtml_tf/train.py", main_block)
        self.write("rtml_tf/resnet.py", main_block + "DEPTH = 8\n")
        self.write("tests/train_test.py", main_block)
        self.assertStartsWith(self.rule("rtml_tf/train.py"), "py_binary(")
        self.assertStartsWith(self.rule("rtml_tf/resnet.py"), "py_library(")
        self.assertStartsWith(self.rule("tests/train_test.py"), "rtml_test(")


class ErrorsTest(WorkspaceTestCase):
    @parameterized.parameters(
        ("import yaml", "requirements.in does not name"),
        ("import rtml_tf.absent", "rtml_tf.absent, which does not exist"),
        ("from . import source", "a_test.py:1 is a relative import"),
    )
    def test_an_import_that_nothing_gives(self, code, message):
        self.write("tests/a_test.py", code)
        with self.assertRaisesRegex(ValueError, f"tests/a_test.py.*{message}|{message}"):
            write_build_files.build_files(self.root)


class OutdatedTest(WorkspaceTestCase):
    def test_missing_changed_and_superfluous_files_are_found(self):
        self.write("tests/a/a_test.py")
        self.write("tests/b/b_test.py")
        for path, text in write_build_files.outdated(self.root).items():
            self.write(str(path), text)
        self.assertEmpty(write_build_files.outdated(self.root))

        self.write("tests/a/a_test.py", "import numpy")
        (self.root / "tests" / "b" / "b_test.py").unlink()
        outdated = write_build_files.outdated(self.root)
        self.assertIn("@pypi//numpy", outdated[pathlib.Path("tests/a/BUILD")])
        self.assertIsNone(outdated[pathlib.Path("tests/b/BUILD")])
        self.assertNotIn("tests/b", outdated[pathlib.Path("tests/BUILD")])


if __name__ == "__main__":
    absltest.main()
