"""A plugin of pytest: writes the outcome of each test to the file in $SUITE_REPORT."""

import os

WORST_LAST = ["passed", "skipped", "failed"]
# Some tests leave another environment behind, and with it another engine.
ENVIRONMENT = dict(os.environ)
outcomes = {}


def pytest_runtest_logstart():
    os.environ.clear()
    os.environ.update(ENVIRONMENT)


def pytest_runtest_logreport(report):
    before = outcomes.get(report.nodeid, "passed")
    outcomes[report.nodeid] = max(before, report.outcome, key=WORST_LAST.index)


def pytest_runtest_logfinish(nodeid):
    with open(ENVIRONMENT["SUITE_REPORT"], "a", encoding="utf-8") as file:
        file.write(f"{outcomes[nodeid]} {nodeid}\n")
