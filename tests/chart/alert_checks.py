"""Checks of the alerts with promtool. Each returns problems, none for a good chart."""

import json
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

import tools
import yaml
from chart_files import Chart, load_strictly, of_kind
from source_checks import expressions

TESTS = Path(__file__).with_name("alerts.test.yaml")


def alerts_fire_when_they_should(chart: Chart) -> list[str]:
    """Prometheus' own promtool finds every alert firing and silent where alerts.test.yaml says so."""
    tests = load_strictly(TESTS.read_text())[0]
    tests["rule_files"] = [str(chart.path / "files" / "alerts.yaml")]
    return _promtool("test", "rules", json.dumps(tests))


def every_alert_is_tested(chart: Chart) -> list[str]:
    """alerts.test.yaml has each alert once firing and once silent, at least."""
    rules = [
        rule
        for group in load_strictly(chart.text("files/alerts.yaml"))[0]["groups"]
        for rule in group["rules"]
    ]
    cases = Counter(
        (case["alertname"], bool(case["exp_alerts"]))
        for test in load_strictly(TESTS.read_text())[0]["tests"]
        for case in test["alert_rule_test"]
    )
    return [
        f"{rule['alert']}: no test of it {'firing' if fires else 'silent'}"
        for rule in rules
        for fires in (True, False)
        if not cases[rule["alert"], fires]
    ]


def rendered_rules_are_valid(chart: Chart) -> list[str]:
    """The PrometheusRule holds the same rules as the file, and promtool can read them."""
    wanted = load_strictly(chart.text("files/alerts.yaml"))[0]
    problems = []
    for name, objects in chart.all_objects:
        for rule in of_kind(objects, "PrometheusRule"):
            if rule["spec"] != wanted:
                problems.append(f"{name}: the PrometheusRule is not what files/alerts.yaml says")
            problems += [
                f"{name}: {problem}" for problem in _promtool("check", "rules", yaml.safe_dump(rule["spec"]))
            ]
    return problems


def the_dashboard_s_queries_are_valid(chart: Chart) -> list[str]:
    """Prometheus can read every query of the dashboard."""
    queries = [query for where, query in expressions(chart) if "label_values" not in query]
    rules = [
        {"record": "a", "expr": query.replace("$__rate_interval", "5m"), "labels": {"number": str(number)}}
        for number, query in enumerate(queries)
    ]
    return _promtool("check", "rules", json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))


def _promtool(verb: str, noun: str, text: str) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "input.yaml"
        file.write_text(text)
        done = subprocess.run(
            [tools.promtool(), verb, noun, str(file)], capture_output=True, text=True, check=False
        )
    return [f"promtool {verb} {noun}: {done.stdout}{done.stderr}"] if done.returncode else []
