"""What each Web API method does to the workspace, as docs.slack.dev documents the method.

A method takes :class:`~flyte_slack.sandbox.slack.arguments.Arguments`, answers with the fields beside
``"ok": true`` and raises :class:`~flyte_slack.sandbox.slack.errors.MethodError` otherwise.
"""
