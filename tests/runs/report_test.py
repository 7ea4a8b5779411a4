"""Tests of the table of figures."""

from absl.testing import absltest

from rtml_tf.runs.report import closing_report, figures_table


class FiguresTableTest(absltest.TestCase):
    def test_a_row_a_network_and_a_column_a_figure(self):
        table = figures_table(
            {
                "raw pixels": {"test": {"recall@1": 0.25}},
                "unknown": {"test": {"recall@1": float("nan"), "nmi": None}},
                "trained": {"test": {"recall@1": 0.9375, "nmi": 0.5}},
            }
        )
        self.assertEqual(
            table.splitlines(),
            [
                "test        recall@1  nmi",
                "-------------------------",
                "raw pixels      0.25    -",
                "unknown            -    -",
                "trained       0.9375  0.5",
            ],
        )

    def test_many_figures_have_a_row_each(self):
        figures = {f"iou {number}": number / 10 for number in range(9)}
        table = figures_table({"source only": {"test": figures}, "clan": {"test": figures}})
        lines = table.splitlines()
        self.assertLen(lines, 11)
        self.assertEqual(lines[0], "test   source only  clan")
        self.assertEqual(lines[3], "iou 1          0.1   0.1")

    def test_a_table_an_evaluation(self):
        table = figures_table({"trained": {"seen": {"nmi": 1.0}, "unseen": {"nmi": 0.5}}})
        self.assertLen(table.split("\n\n"), 2)


class ClosingReportTest(absltest.TestCase):
    _FIGURES = {"a": {"test": {"recall@1": 0.5}}}
    _FITTED = {"steps": 0, "seconds": 2.0}

    def test_the_last_stage_that_was_evaluated_is_evaluated_again(self):
        stages = ("source", "transfer", "other")
        metrics = {
            "networks": dict.fromkeys(stages, self._FIGURES["a"]) | {"other": {}},
            "training": dict.fromkeys(stages, self._FITTED),
        }
        lines = closing_report(metrics, "runs/x").splitlines()
        self.assertEqual(lines[-6], "source: fitted in 2 s, in runs/x/source")
        self.assertEndsWith(lines[-2], "--logdir=runs/x")
        self.assertEndsWith(lines[-1], "//rtml_tf:evaluate -- --run_dir=runs/x/transfer")

    def test_a_run_without_evaluations_has_none_to_make_again(self):
        metrics = {"networks": {"trained": {}}, "training": self._FITTED}
        self.assertEndsWith(closing_report(metrics, "runs/x"), "--logdir=runs/x")

    def test_where_nothing_was_trained_there_is_nothing_to_evaluate(self):
        report = closing_report({"networks": self._FIGURES, "training": {}}, "runs/x")
        self.assertIn("recall@1", report)
        self.assertEndsWith(report, "--logdir=runs/x")


if __name__ == "__main__":
    absltest.main()
