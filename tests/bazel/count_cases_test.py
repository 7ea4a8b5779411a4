"""What is counted as a test case that passed or failed."""

import json
import pathlib

from absl.testing import absltest, parameterized

from bazel import count_cases

# As absltest writes them.
PASSED = '<testcase name="test_a" classname="A" status="run" result="completed"/>'
FAILED = '<testcase name="test_b" classname="A" status="run"><failure/></testcase>'
ERROR = '<testcase name="test_c" classname="A" status="run"><error/></testcase>'
SKIPPED = '<testcase name="test_session" classname="A" status="notrun" result="suppressed"/>'
SUBTESTS = "".join(
    f'<testcase name="test_d&#x20;(i={i})" classname="A" status="run">{child}</testcase>'
    for i, child in enumerate(["", "<failure/>"])
)
# As Bazel writes it for a test that wrote nothing.
GENERATED = '<testcase name="tests/a_test" status="run" duration="1"/>'


class CountCasesTest(parameterized.TestCase):
    def count(self, status: str, elements: list[str], exit_code: int = 0):
        """The count of one target that ended with `status` and reported `elements`."""
        file = self.create_tempfile(content=f"<testsuites>{''.join(elements)}</testsuites>")
        output = {"name": "test.xml", "uri": pathlib.Path(file.full_path).as_uri()}
        events = [
            {
                "id": {"targetConfigured": {"label": "//tests:a_test"}},
                "configured": {"testSize": "SMALL"},
            },
            {
                "id": {"testResult": {"label": "//tests:a_test"}},
                "testResult": {"status": status, "testActionOutput": [output]},
            },
            {"finished": {"exitCode": {"name": "AS_GIVEN", "code": exit_code}}},
        ]
        if not status:
            del events[1]
        passed, failed, problems = count_cases.count(json.dumps(event) for event in events)
        return passed, failed, [what for what, _ in problems]

    @parameterized.parameters(
        ([PASSED], 1, 0, []),
        ([PASSED, SKIPPED], 1, 0, []),
        ([PASSED, FAILED, ERROR], 1, 2, ["//tests:a_test: 2 of 3 failed"]),
        ([PASSED, SUBTESTS], 1, 1, ["//tests:a_test: 1 of 2 failed"]),
    )
    def test_cases_are_counted_once_each(self, elements, passed, failed, problems):
        status = "FAILED" if failed else "PASSED"
        self.assertEqual(self.count(status, elements), (passed, failed, problems))

    @parameterized.parameters(
        ("PASSED", [], 0, "ran no test"),
        ("PASSED", [SKIPPED], 0, "ran no test"),
        ("PASSED", [GENERATED], 0, "ran no test"),
        ("FAILED", [GENERATED], 0, "ended with FAILED"),
        ("TIMEOUT", [PASSED], 1, "ended with TIMEOUT"),
        ("", [], 0, "was not run"),
    )
    def test_a_target_that_is_no_good_is_a_failure(self, status, elements, passed, what):
        self.assertEqual(self.count(status, elements), (passed, 1, [f"//tests:a_test: {what}"]))

    def test_an_error_of_bazel_is_a_failure(self):
        self.assertEqual(
            self.count("PASSED", [PASSED], exit_code=1), (1, 1, ["bazel test: AS_GIVEN"])
        )
        self.assertEqual(count_cases.count([])[2], [("bazel test: Bazel did not run", "")])

    def test_xml_that_cannot_be_read_has_no_cases(self):
        self.assertEmpty(count_cases.cases(self.create_tempfile(content="<testsuites>").full_path))


if __name__ == "__main__":
    absltest.main()
