"""The image's HEALTHCHECK: `python -m flyte_slack.healthcheck` ends with 0 while the pack says it is live.

It is started every half minute: it imports next to nothing, and no proxy of the environment is asked.
"""

import os
import socket
import sys

TIMEOUT = 4


def live(host: str, port: int) -> bool:
    """Whether `GET /health/live` is answered 200."""
    request = f"GET /health/live HTTP/1.0\r\nHost: {host}\r\n\r\n"
    with socket.create_connection((host, port), TIMEOUT) as connection:
        connection.sendall(request.encode())
        with connection.makefile("rb") as answer:
            return answer.readline().split()[1:2] == [b"200"]


def main() -> int:
    """Ask the pack where its settings say that it listens; return the exit status."""
    host = os.environ.get("FLYTE_SLACK_HOST", "").strip()
    host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    port = os.environ.get("FLYTE_SLACK_PORT", "").strip() or "8090"
    try:
        if live(host, int(port)):
            return 0
        problem = "the answer is not 200"
    except (OSError, ValueError) as error:
        problem = str(error)
    sys.stderr.write(f"{host}:{port} is not live: {problem}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
