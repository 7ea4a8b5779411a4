"""The macros by which every test is declared."""

load("@rules_python//python:py_test.bzl", "py_test")

_ENV = {
    # Imports come from the deps alone, never from the folder that the file lies in.
    "PYTHONSAFEPATH": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    # As many tests as there are cores run at once.
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "2",
}

def rtml_test(name, size = "small", env = {}, **kwargs):
    """A Python test that sees its deps and nothing else of the workspace.

    Args:
      name: the name of the target, and of the file without its ".py".
      size: how long it may take (.bazelrc has the limits): "small", "medium", "large".
      env: environment variables, besides those that every test gets.
      **kwargs: the other attributes of py_test.
    """
    py_test(name = name, size = size, env = dict(_ENV, **env), **kwargs)

def rtml_tests(name, tests):
    """Tests of one folder that run in one process, which imports TensorFlow once for all of them.

    Args:
      name: the name of the target.
      tests: the names of their targets.
    """
    package = native.package_name().replace("/", ".")
    rtml_test(
        name = name,
        srcs = ["//tests:together.py"],
        main = "//tests:together.py",
        args = [package + "." + test for test in tests],
        size = "large",
        deps = [":" + test for test in tests] + ["//tests:two_cpus", "@pypi//absl_py"],
    )
