"""The Python environment: a venv with the hash-locked requirements, and the toolchain to run it."""

_PYTHON = "3.11"

_NO_PYTHON = ("Python {0} was not found on the PATH. Get it with: apt-get install " +
              "python{0}-venv (Debian 12) or: uv python install {0}")

_NO_VENV = ("{1} cannot make virtual environments. Mend it with: apt-get install " +
            "python{0}-venv")

_BUILD = """load("@bazel_tools//tools/python:toolchain.bzl", "py_runtime_pair")

package(default_visibility = ["//visibility:public"])

exports_files(["requirements_lock.txt"])

py_runtime(
    name = "python",
    interpreter_path = "{interpreter}",
    python_version = "PY3",
    stub_shebang = "#!{interpreter}",
)

py_runtime_pair(
    name = "python_pair",
    py3_runtime = ":python",
)

toolchain(
    name = "python_toolchain",
    toolchain = ":python_pair",
    toolchain_type = "@bazel_tools//tools/python:toolchain_type",
)
"""

# The package itself is found in the venv; the lock file is what makes a target that needs it run
# again after the lock has changed.
_REQUIREMENT_BUILD = """load("@rules_python//python:py_library.bzl", "py_library")

py_library(
    name = "{name}",
    data = ["//:requirements_lock.txt"],
    visibility = ["//visibility:public"],
)
"""

def _find_python(ctx):
    """The first Python of the right version on the PATH that can make a virtual environment."""
    without_venv = None
    folders = [f for f in ctx.os.environ.get("PATH", "").split(":") if f.startswith("/")]
    for name in ["python" + _PYTHON, "python3", "python"]:
        for folder in folders:
            python = ctx.path(folder + "/" + name)
            if not python.exists:
                continue
            found = ctx.execute([
                python,
                "-c",
                "import sys; print('%d.%d' % sys.version_info[:2]); import ensurepip, venv",
            ])
            if found.stdout.strip() != _PYTHON:
                continue
            if found.return_code == 0:
                return python
            without_venv = without_venv or python
    fail(_NO_VENV.format(_PYTHON, without_venv) if without_venv else _NO_PYTHON.format(_PYTHON))

def _lock_file(ctx):
    """The label of the lock file to install: that of the chosen extra, or the plain one."""
    extra = ctx.os.environ.get("RTML_TF_EXTRA", "")
    if not extra:
        return ctx.attr.lock
    for lock, name in ctx.attr.locks_of_extras.items():
        if name == extra:
            return lock
    fail("RTML_TF_EXTRA must be empty or one of {}, got \"{}\".".format(
        sorted(ctx.attr.locks_of_extras.values()),
        extra,
    ))

def _requirement_names(lock):
    """The names in a lock file, as labels spell them: "gin-config==0.5.0" gives "gin_config"."""
    names = [line.split("==")[0] for line in lock.splitlines() if line and line[0].isalnum()]
    return [name.lower().replace("-", "_").replace(".", "_") for name in names]

def _install(ctx, python, lock_path):
    """Makes the virtual environment `venv` and installs the locked packages into it."""
    # What a PYTHONPATH holds would count as installed.
    environment = {"PYTHONPATH": ""}
    made = ctx.execute([python, "-m", "venv", "venv"], environment = environment)
    if made.return_code:
        fail("{} -m venv failed:\n{}{}".format(python, made.stdout, made.stderr))

    installed = ctx.execute(
        ["venv/bin/python", "-m", "pip", "install", "--no-input", "--no-compile"] +
        ["--disable-pip-version-check", "--only-binary=:all:", "--require-hashes", "-r", lock_path],
        environment = environment,
        timeout = 3600,
    )
    if installed.return_code:
        lines = [line for line in installed.stderr.splitlines() if not line.startswith("WARNING")]
        fail("The packages of {} could not be installed:\n{}\n".format(
            lock_path,
            "\n".join(lines[-20:]),
        ))

    # With every core; pip would use one.
    compile = ["venv/bin/python", "-m", "compileall", "-q", "-j", "0", "venv/lib"]
    ctx.execute(compile, timeout = 3600)

def _python_environment_impl(ctx):
    lock_path = ctx.path(_lock_file(ctx))
    lock = ctx.read(lock_path)
    names = _requirement_names(lock)
    python = _find_python(ctx)
    ctx.report_progress("installing %d Python packages, 2 GB, once" % len(names))
    _install(ctx, python, lock_path)

    ctx.file("requirements_lock.txt", lock, executable = False)
    ctx.file(
        "BUILD",
        _BUILD.format(interpreter = ctx.path("venv/bin/python")),
        executable = False,
    )
    for name in names:
        ctx.file(name + "/BUILD", _REQUIREMENT_BUILD.format(name = name), executable = False)

python_environment = repository_rule(
    implementation = _python_environment_impl,
    doc = """A virtual environment of the locked packages.

    Installed on first use, and again when the lock file changes or another extra is chosen with
    the environment variable RTML_TF_EXTRA (`--config=gpu` sets it to "gpu").

    `@<name>//:python_toolchain` is the toolchain to register; `@<name>//gin_config` and the like
    are the packages, for the deps of those who import them.
    """,
    attrs = {
        "lock": attr.label(
            doc = "The lock file, with hashes.",
            allow_single_file = True,
            mandatory = True,
        ),
        "locks_of_extras": attr.label_keyed_string_dict(
            doc = "The name of an extra by the lock file that has it.",
            allow_files = True,
        ),
    },
    environ = ["RTML_TF_EXTRA"],
)
