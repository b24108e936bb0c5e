"""`python -m flyte_slack`, and the program `flyte-slack`."""

import os
import signal
import sys


def main() -> int:
    """Run the command line; SIGTERM and Ctrl-C end it from the first moment on.

    The first process of a container is not ended by a signal that it does not handle, and it takes a
    while until everything is imported.
    """
    # `run` and `sandbox` are meant to be stopped; another command that is stopped has not succeeded
    status = 0 if sys.argv[1:2] in (["run"], ["sandbox"]) else 128 + signal.SIGTERM
    interrupted = 0 if not status else 128 + signal.SIGINT
    signal.signal(signal.SIGTERM, lambda _number, _frame: os._exit(status))
    signal.signal(signal.SIGINT, lambda _number, _frame: os._exit(interrupted))
    from .cli.main import main as command_line

    return command_line()


if __name__ == "__main__":
    sys.exit(main())
