"""The chart as it is."""

import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from chart_files import NAMESPACE, RELEASE, Chart, container, of_kind
from checks import CHECKS


@pytest.fixture(scope="module")
def chart() -> Chart:
    return Chart()


@pytest.mark.parametrize("name", CHECKS)
def test_the_chart_passes(chart: Chart, name: str) -> None:
    """No check finds a problem; what each holds is said where it is defined."""
    assert CHECKS[name](chart) == []


@pytest.mark.parametrize(
    ("ci_file", "parts"),
    [
        ("sqlite", ["statefulset/talk-flyte-slack", "volume data-talk-flyte-slack-0"]),
        ("postgresql", ["deployment/talk-flyte-slack", "http://flyte.flyte.svc:8080/"]),
        ("http", ["https://slack.example.com/slack/events"]),
        ("sqlite-everything", ["WARNING: the certificate"]),
    ],
)
def test_the_notes_say_what_to_do_next(chart: Chart, ci_file: str, parts: list[str]) -> None:
    """After an installation one reads how to see that it works, for the kind of installation it is."""
    answer = chart.helm(
        "install", RELEASE, str(chart.path), "--namespace", NAMESPACE, "--dry-run=client",
        "--values", str(chart.path / "ci" / f"{ci_file}-values.yaml"),
    )  # fmt: skip
    assert answer.ok, answer.errors
    notes = answer.output.partition("NOTES:")[2]
    assert "helm test talk --namespace chat" in notes
    assert [part for part in parts if part not in notes] == []


def test_secrets_are_in_secrets_only(chart: Chart) -> None:
    """No token and no password is in any other object."""
    for name, objects in chart.all_objects:
        others = [one for one in objects if one["kind"] != "Secret"]
        assert "not-a-real" not in str(others), name


@pytest.mark.parametrize(("status", "exit_status"), [(200, 0), (503, 1)])
def test_helm_test_fails_where_the_pack_is_not_ready(chart: Chart, status: int, exit_status: int) -> None:
    """What the pod of `helm test` runs succeeds with a pack that is ready, and fails with one that is not."""

    class Pack(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/health/ready" else 404)
            self.end_headers()

    with ThreadingHTTPServer(("127.0.0.1", 0), Pack) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            (pod,) = of_kind(chart.objects(chart.path / "ci" / "sqlite-values.yaml"), "Pod")
            assert container(pod)["command"] == ["python", "-c"]
            script, url = container(pod)["args"]
            url = url.replace("talk-flyte-slack:8090", f"127.0.0.1:{server.server_port}")
            done = subprocess.run([sys.executable, "-c", script, url], check=False)
        finally:
            server.shutdown()
            thread.join()
    assert done.returncode == exit_status
