"""Local stand-ins for the repositories that Bazel 4 would otherwise download.

A Python-only workspace needs next to nothing of them: their rules are Bazel's own, handed on under
the names by which BUILD files and Bazel's tools load them. Where the package index is the only
thing that can be reached, the build still works.
"""

_NATIVE_RULES = {
    "rules_cc": {
        "cc/defs.bzl": [
            "cc_binary",
            "cc_library",
            "cc_test",
            "cc_toolchain",
            "cc_toolchain_suite",
            "objc_library",
        ],
    },
    "rules_java": {
        "java/defs.bzl": [
            "java_binary",
            "java_import",
            "java_library",
            "java_plugin",
            "java_runtime",
            "java_test",
            "java_toolchain",
        ],
    },
    "rules_proto": {
        "proto/defs.bzl": ["proto_lang_toolchain", "proto_library"],
    },
    "rules_python": {
        "python/py_binary.bzl": ["py_binary"],
        "python/py_library.bzl": ["py_library"],
        "python/py_test.bzl": ["py_test"],
    },
}

# What Bazel's coverage support wants to find, empty: `bazel test` loads it, only `bazel coverage`
# would run it.
_COVERAGE_BUILD = """package(default_visibility = ["//visibility:public"])

filegroup(name = "coverage_report_generator")

filegroup(name = "lcov_merger")
"""

def _written_repository_impl(ctx):
    for path, content in ctx.attr.files.items():
        ctx.file(path, content, executable = False)

_written_repository = repository_rule(
    implementation = _written_repository_impl,
    doc = "A repository that consists of the files written here.",
    attrs = {"files": attr.string_dict(doc = "Content by path.", mandatory = True)},
)

def stand_ins():
    """Defines every stand-in repository."""
    for repository, bzl_files in _NATIVE_RULES.items():
        files = {}
        for path, rules in bzl_files.items():
            files[path.rpartition("/")[0] + "/BUILD"] = ""
            files[path] = "".join(["{0} = native.{0}\n".format(rule) for rule in rules])
        _written_repository(name = repository, files = files)
    _written_repository(name = "remote_coverage_tools", files = {"BUILD": _COVERAGE_BUILD})
