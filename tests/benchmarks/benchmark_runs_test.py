"""Tests that the runs of benchmarks can be made: their bindings name what exists."""

import sys
from unittest import mock

import gin
from absl import flags
from absl.testing import absltest, parameterized

from benchmarks.sweep import Sweep
from rtml_tf import configuration

_OMNIGLOT, _LFW = "--omniglot=/data", "--lfw=/data"


def _configurations():
    from benchmarks import configurations

    return configurations


def _lfw_transfer():
    from benchmarks import lfw_transfer

    return lfw_transfer


def _cross_domain_transfer():
    from benchmarks import cross_domain_transfer

    return cross_domain_transfer


def _robust_source():
    from benchmarks import robust_source

    return robust_source


def _mdprop_omniglot():
    from benchmarks import mdprop_omniglot

    return mdprop_omniglot


class _RunsToMake(Exception):
    """Stops a benchmark where it would make runs."""


def _make(sweep, runs):
    del sweep
    if runs:
        raise _RunsToMake(runs)


class BenchmarkRunsTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.addCleanup(gin.clear_config)
        self.addCleanup(self._forget_benchmarks, set(sys.modules))

    def _forget_benchmarks(self, modules):
        """Some have flags of the same name, and a process has each flag once."""
        of_modules = flags.FLAGS.flags_by_module_dict()
        for name in set(sys.modules) - modules:
            package, _, module = name.rpartition(".")
            if package == "benchmarks":
                for flag in list(of_modules.get(name, ())):
                    delattr(flags.FLAGS, flag.name)
                del sys.modules[name]
                delattr(sys.modules[package], module)

    @parameterized.named_parameters(
        ("configurations", _configurations, [], 25),
        ("lfw_transfer", _lfw_transfer, [_LFW], 50),
        # Without a choice of epsilon: teachers, and students in three ways.
        ("characters", _cross_domain_transfer, [_OMNIGLOT, "--choice_seeds="], 12),
        ("faces", _cross_domain_transfer, [_LFW, "--choice_seeds="], 12),
        ("robust_characters", _robust_source, [_OMNIGLOT], 26),
        ("robust_faces", _robust_source, [_LFW], 26),
        ("mdprop", _mdprop_omniglot, [_OMNIGLOT, "--strengths=16:1"], 11),
        (
            "mdprop_clean",
            _mdprop_omniglot,
            [_OMNIGLOT, "--strengths=16:1", "--study=clean_gain"],
            11,
        ),
    )
    def test_every_run_of_a_seed_is_configured(self, benchmark, arguments, count):
        module = benchmark()
        output = self.create_tempfile("page.md").full_path
        flags.FLAGS(["benchmark", "--seeds=0", f"--output={output}", *arguments])
        with mock.patch.object(Sweep, "make", _make):
            with self.assertRaises(_RunsToMake) as stopped:
                module.main()
        (runs,) = stopped.exception.args
        self.assertLen({run.name for run in runs}, count)
        for run in runs:
            configuration.parse(run.gin_files, run.parameters)
            configuration.lock()
            gin.clear_config()


if __name__ == "__main__":
    absltest.main()
