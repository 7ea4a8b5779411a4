"""Counts the test cases of a `bazel test` from the event file it wrote.

    ./bazelw test //... --build_event_json_file=events.json
    python3 bazel/count_cases.py events.json

Shows the end of the log of every target that failed, and prints last `N passed, N failed`. A target
that was not built, that fails outside its cases or that runs no case counts as a failure of its
own. Runs under any Python 3.7 or later, before the environment of the project exists.
"""

from __future__ import annotations

import collections
import json
import pathlib
import sys
import urllib.parse
import xml.etree.ElementTree
from collections.abc import Iterable

_LOG_LINES = 40


def cases(xml_file: str) -> dict[str, bool]:
    """The cases of a test's XML that ran: True where it passed, by class and name.

    A case that was skipped is left out, and with it the `test_session` of `tf.test.TestCase`.
    What absltest reports of one case in several elements, its subtests, is one case. Bazel writes
    XML of its own for a test that wrote none; it has no class names and gives no cases.

    Args:
        xml_file: The path of a test.xml.
    """
    passed = {}
    try:
        elements = xml.etree.ElementTree.parse(xml_file).iter("testcase")
    except (OSError, xml.etree.ElementTree.ParseError):
        return passed
    for element in elements:
        if element.get("classname") and element.get("status") == "run":
            name = element.get("classname") + "." + element.get("name").split(" ")[0]
            failed = any(child.tag in ("failure", "error") for child in element)
            passed[name] = passed.get(name, True) and not failed
    return passed


def _path(result: dict, name: str) -> str:
    """The path of an output of a test result, "test.log" or "test.xml"."""
    for output in result.get("testActionOutput", []):
        if output["name"] == name:
            return urllib.parse.unquote(urllib.parse.urlparse(output["uri"]).path)
    return ""


def count(event_lines: Iterable[str]) -> tuple[int, int, list[tuple[str, str]]]:
    """Counts the cases of one `bazel test`.

    Args:
        event_lines: The lines of Bazel's event file.

    Returns:
        The numbers of cases that passed and that failed, and a list of what went wrong: pairs of a
        line that says it and the path of the log, which may be empty.
    """
    events = [json.loads(line) for line in event_lines if line.strip()]
    results = collections.defaultdict(list)
    exit_code = {"name": "Bazel did not run", "code": 1}
    for event in events:
        if "testSize" in event.get("configured", {}):
            results[event["id"]["targetConfigured"]["label"]] += []
        if "testResult" in event:
            results[event["id"]["testResult"]["label"]].append(event["testResult"])
        exit_code = event.get("finished", {}).get("exitCode", exit_code)

    passed, failed, problems = 0, 0, []
    for label, attempts in sorted(results.items()):
        outcomes, unexplained = [], "" if attempts else "was not run"
        for result in attempts:
            ran = list(cases(_path(result, "test.xml")).values())
            outcomes += ran
            if result["status"] != "PASSED" and all(ran):
                unexplained = "ended with " + result["status"]
            elif not ran:
                unexplained = "ran no test"
        failures = outcomes.count(False)
        passed += len(outcomes) - failures
        failed += failures + bool(unexplained)
        if failures or unexplained:
            what = unexplained or f"{failures} of {len(outcomes)} failed"
            log = _path(attempts[-1], "test.log") if attempts else ""
            problems.append((f"{label}: {what}", log))
    if exit_code.get("code", 0) and not problems:
        failed += 1
        problems.append((f"bazel test: {exit_code['name']}", ""))
    return passed, failed, problems


def main(event_file: str) -> int:
    """Prints what went wrong and the two numbers; returns the exit status."""
    lines = pathlib.Path(event_file).read_text(encoding="utf-8").splitlines()
    passed, failed, problems = count(lines)
    for what, log in problems:
        print("\n" + what)
        if log:
            text = pathlib.Path(log).read_text(encoding="utf-8", errors="replace")
            print("\n".join("    " + line for line in text.splitlines()[-_LOG_LINES:]))
    print(f"\n{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
