"""Bad flows, one problem each, with the line it is on and a part of what is said of it; and good ones."""

from textwrap import dedent

GUARD = "{{ Event.Payload.origin == 'channel' }}"


def flow(
    *,
    event: str = "packName: Slack, name: MessageSent",
    criteria: str = GUARD,
    command: str = "packName: Slack, name: sendMessage",
    input_: str = "{channelId: C1, message: hello}",
    more: str = "",
) -> str:
    """A flow of one step; its lines: 3 the step, 4 the event, 5 criteria, 6 the command, 7 its input."""
    return (
        f'name: f\nsteps:\n- id: one\n  event: {{{event}}}\n  criteria: "{criteria}"\n'
        f"  command:\n    input: {input_}\n    " + command.replace(", ", "\n    ") + f"\n{more}"
    )


BAD = [
    ("no YAML", "name: [", 1, "no YAML"),
    ("a tab", "name: f\n\tsteps: []\n", 2, "no YAML"),
    ("a key twice", flow() + "name: g\n", 10, "second time"),
    ("no object", "- a\n", 1, "object"),
    ("no name", "steps: [{event: {packName: P, name: E}, command: {packName: P, name: C}}]\n", 1, "name"),
    ("no steps", "name: f\n", 1, "steps"),
    ("an unknown key", flow() + "stesp: []\n", 10, "did you mean steps"),
    ("an unknown key of a step", flow(more="  criterion: x\n"), 10, "did you mean criteria"),
    ("an unknown key of an event", flow(event="pack: Slack, packName: Slack, name: MessageSent"), 4, "packName"),
    ("an unknown event", flow(event="packName: Slack, name: MesageSent"), 4, "did you mean MessageSent"),
    ("an unknown command", flow(command="packName: Slack, name: sendMesage"), 9, "did you mean sendMessage"),
    ("an unknown input", flow(input_="{channelId: C1, mesage: hi, message: x}"), 7, "did you mean message"),
    ("a thread misspelt", flow(input_="{channelId: C1, message: x, thread_ts: y}"), 7, "threadTimestamp"),
    ("an input missing", flow(input_="{message: hello}"), 7, "channelId"),
    ("an input empty", flow(input_="{channelId: '', message: hello}"), 7, "channelId"),
    ("an input that is no object", flow(input_="[hello]"), 7, "object"),
    ("a payload key", flow(input_="{channelId: '{{ Event.Payload.chanelId }}', message: x}"), 7, "channelId"),
    ("a key of the user", flow(input_="{channelId: C1, message: '{{ Event.Payload.user.nam }}'}"), 7, "name"),
    ("a key of a text", flow(input_="{channelId: C1, message: '{{ Event.Payload.message.text }}'}"), 7, "text"),
    ("a key of a file", flow(input_="{channelId: C1, message: '{{ Event.Payload.files.0.url }}'}"), 7, "url"),
    ("an open variable", flow(input_="{channelId: C1, message: '{{ Event.Payload.message'}"), 7, "template"),
    ("an unknown filter", flow(input_="{channelId: C1, message: '{{ Event|uper }}'}"), 7, "uper"),
    ("an unknown tag", flow(input_="{channelId: C1, message: '{% iff x %}{% endif %}'}"), 7, "iff"),
    ("an open if", flow(input_="{channelId: C1, message: '{% if x %}a'}"), 7, "template"),
    ("an include", flow(input_="""{channelId: C1, message: '{% include "x" %}'}"""), 7, "include"),
    ("a template in a block", flow(more="  context:\n    a: |\n      fine\n      {{ Event|uper }}\n"), 13, "uper"),
    ("an unknown step", flow(more="  dependsOn: [two]\n"), 10, "two"),
    ("a step that waits for itself", flow(more="  dependsOn: [one]\n"), 10, "itself"),
    ("no event", "name: f\nsteps:\n- command: {packName: P, name: C}\n", 3, "event"),
    ("no command", "name: f\nsteps:\n- event: {packName: P, name: E}\n", 3, "command"),
    (
        "two steps with one id",
        dedent(
            """\
            name: f
            steps:
            - id: a
              event: {packName: P, name: E}
              command: {packName: P, name: C}
            - id: a
              event: {packName: P, name: E}
              command: {packName: P, name: C}
            """
        ),
        6,
        "two steps",
    ),
]  # fmt: skip

WARNED = [
    ("no guard", flow(criteria="{{ Event.Payload.message == 'x' }}"), 4, "origin"),
    (
        "a failure that fails",
        flow(event="packName: Slack, name: MessageSendFailure", criteria=""),
        4,
        "itself",
    ),
    ("an unknown context", flow(input_="{channelId: C1, message: '{{ Context.nobody }}'}"), 7, "nobody"),
]

GOOD = [
    flow(),
    flow(criteria="{{ Event.Payload.origin|lower == 'channel' and Event.Payload.message|match:'^x' }}"),
    flow(event="packName: Other, name: Anything", criteria="", input_="{channelId: '#ops', message: 3}"),
    flow(command="packName: Other, name: anything", input_="{what: ever}"),
    flow(input_="{channelId: C1, blocks: '{{ Event.Payload.message }}'}"),
    flow(input_="{channelId: '{{ Event.Payload.channelId }}', message: '{{ Event.Payload.user.name|upper }}'}"),
    flow(more="  context:\n    who: '{{ Event.Payload.user.name }}'\n- id: two\n  dependsOn: [one]\n"
         "  event: {packName: Slack, name: MessageSent}\n  command: {packName: Slack, name: sendMessage,\n"
         "    input: {channelId: C1, message: '{{ Context.who }}'}}\n"),
    flow(input_="{channelId: C1, message: '{% for f in Event.Payload.files %}{{ f.name }}{% endfor %}'}"),
    flow(event="packName: Slack, name: FATAL", criteria="{{ Event.Payload.command == 'x' }}", input_="{channelId: C1, message: '{{ Event.Payload.error }}'}"),
    "name: t\ngiven: []\n",
    '{"name": "j", "steps": [{"event": {"packName": "P", "name": "E"}, '
    '"command": {"packName": "P", "name": "C", "input": {}}}]}',
]  # fmt: skip
