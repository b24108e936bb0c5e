"""Values that the chart refuses, and why."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from chart_files import Answer, Chart

POSTGRESQL = "store.url=postgresql://flyte:pw@postgresql.example.com/flyte"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Values on top of a file of `ci/`.

    Attributes:
        why: what is wrong with them.
        base: the file of `ci/`.
        values: `path=value`, where the value is JSON or, if it is none, a text.
        where: part of the schema's complaint.
        sentence: part of what a template says, where the schema is skipped;
            empty where only the schema does.
    """

    why: str
    base: str
    values: tuple[str, ...]
    where: str
    sentence: str = ""


REFUSALS = [
    Refusal(
        "no Flyte API",
        "sqlite",
        ("flyte.api=null",),
        "'/flyte/api': got null, want string",
        "flyte.api is required",
    ),
    Refusal("an API without a scheme", "sqlite", ("flyte.api=flyte.example.com",), "/flyte/api"),
    Refusal(
        "no tokens at all",
        "sqlite",
        ("slack.botToken=null", "slack.appToken=null"),
        "at '/slack': 'oneOf' failed",
        "set existingSecret, or botToken",
    ),
    Refusal(
        "tokens and an existing Secret",
        "sqlite",
        ("slack.existingSecret=tokens",),
        "at '/slack': 'oneOf' failed",
        "either existingSecret or the tokens themselves, not both",
    ),
    Refusal(
        "an app token and an existing Secret",
        "existing-secrets",
        ("slack.appToken=xapp-1",),
        "at '/slack': 'oneOf' failed",
        "either existingSecret or the tokens themselves, not both",
    ),
    Refusal(
        "an app token alone",
        "sqlite",
        ("slack.botToken=null",),
        "at '/slack': 'oneOf' failed",
        "slack.botToken is required",
    ),
    Refusal(
        "Socket Mode without an app token",
        "sqlite",
        ("slack.appToken=null",),
        "'/slack/appToken': got null, want string",
        "slack.appToken is required where mode is socket",
    ),
    Refusal(
        "HTTP mode without a signing secret",
        "http",
        ("slack.signingSecret=null",),
        "'/slack/signingSecret': got null, want string",
        "slack.signingSecret is required where mode is http",
    ),
    Refusal(
        "an app token for a bot token",
        "sqlite",
        ("slack.appToken=xoxb-hidden",),
        "slack.appToken must begin with xapp-",
    ),
    Refusal(
        "a signing secret that is a list", "http", ('slack.signingSecret=["hidden"]',), "/slack/signingSecret"
    ),
    Refusal(
        "the two tokens swapped",
        "sqlite",
        ("slack.botToken=xapp-hidden", "slack.appToken=xoxb-hidden"),
        "slack.botToken must begin with xoxb-",
    ),
    Refusal(
        "a Flyte token and an existing Secret",
        "sqlite",
        ("flyte.jwt=token", "flyte.existingSecret=flyte-token"),
        "at '/flyte': 'anyOf' failed",
        "either existingSecret or jwt, not both",
    ),
    Refusal(
        "a Flyte token of two lines", "sqlite", ("flyte.jwt=hidden\ntwo",), "flyte.jwt must be printable"
    ),
    Refusal(
        "a store URL and an existing Secret",
        "existing-secrets",
        (POSTGRESQL,),
        "at '/store': 'anyOf' failed",
        "either existingSecret or url, not both",
    ),
    Refusal(
        "SQLite with two pods",
        "sqlite",
        ("replicas=2",),
        "/replicas",
        "an SQLite store is for one pod",
    ),
    Refusal(
        "SQLite, named, with two pods",
        "sqlite",
        ("replicas=2", "store.url=sqlite:////data/a.db"),
        "/replicas",
        "an SQLite store is for one pod",
    ),
    Refusal("no pod at all", "postgresql", ("replicas=0",), "/replicas"),
    Refusal(
        "an SQLite file outside the volume",
        "sqlite",
        ("store.url=sqlite:////tmp/hidden.db",),
        "store.url must be",
    ),
    Refusal("a store in memory", "sqlite", ("store.url=sqlite://",), "store.url must be"),
    Refusal("a store of another kind", "sqlite", ("store.url=mysql://u:hidden@h/d",), "store.url must be"),
    Refusal(
        "a PostgreSQL URL without a database",
        "sqlite",
        ("store.url=postgresql://u:hidden@h",),
        "store.url must be",
    ),
    Refusal(
        "a volume that many nodes write",
        "sqlite",
        ("store.volume.accessMode=ReadWriteMany",),
        "/store/volume",
    ),
    Refusal("a size without a number", "sqlite", ("store.volume.size=big",), "/store/volume/size"),
    Refusal("an unknown mode", "sqlite", ("mode=rtm",), "/mode"),
    Refusal(
        "an Ingress in Socket Mode",
        "sqlite",
        ("ingress.enabled=true", "ingress.host=slack.example.com"),
        "/mode",
        "needs mode http",
    ),
    Refusal(
        "an Ingress without a host",
        "http",
        ("ingress.host=null",),
        "'/ingress/host': got null, want string",
        "ingress.host is required",
    ),
    Refusal("a host with a scheme", "http", ("ingress.host=https://slack.example.com",), "/ingress/host"),
    Refusal(
        "a PodDisruptionBudget for one pod",
        "existing-secrets",
        ("podDisruptionBudget.enabled=true",),
        "/replicas",
        "needs two replicas or more",
    ),
    Refusal(
        "a budget that lets no pod go",
        "postgresql",
        ("podDisruptionBudget.maxUnavailable=0",),
        "/maxUnavailable",
    ),
    Refusal("a misspelt value", "sqlite", ("replica=1",), "'replica' not allowed"),
    Refusal("a misspelt value further down", "sqlite", ("flyte.timeout=1",), "'timeout' not allowed"),
    Refusal("a misspelt probe", "sqlite", ("probes.liveness.period=1",), "'period' not allowed"),
    Refusal("eleven connections", "sqlite", ("slack.connections=11",), "/slack/connections"),
    Refusal("a number that is a text", "sqlite", ('slack.connections="2"',), "/slack/connections"),
    Refusal("a catch-up below 0", "sqlite", ("slack.catchUp=-1",), "/slack/catchUp"),
    Refusal("channels in one text", "sqlite", ("slack.channels=C1,C2",), "/slack/channels"),
    Refusal("two channels in one", "sqlite", ('slack.channels=["C1,C2"]',), "/slack/channels/0"),
    Refusal("a pause between polls over 30 s", "sqlite", ("flyte.pollInterval=31",), "/flyte/pollInterval"),
    Refusal("a pack name that breaks URLs", "sqlite", ("flyte.packName=a/b",), "/flyte/packName"),
    Refusal("a label that breaks the list", "sqlite", ('flyte.labels={"a": "b,c"}',), "/flyte/labels/a"),
    Refusal("an unknown log level", "sqlite", ("logLevel=trace",), "/logLevel"),
    Refusal("a grace below 0", "sqlite", ("shutdownGrace=-1",), "/shutdownGrace"),
    Refusal("a privileged port", "sqlite", ("port=80",), "/port"),
    Refusal("an address that no probe reaches", "sqlite", ("host=127.0.0.1",), "/host"),
    Refusal("the root user", "sqlite", ("runAs.user=0",), "/runAs/user"),
    Refusal(
        "a setting of the pack in extraEnv",
        "sqlite",
        ('extraEnv=[{"name": "FLYTE_JWT", "value": "x"}]',),
        "/extraEnv/0/name",
    ),
    Refusal("a variable without a value", "sqlite", ('extraEnv=[{"name": "A"}]',), "/extraEnv/0"),
    Refusal("a digest that is none", "sqlite", ("image.digest=latest",), "/image/digest"),
    Refusal("an unknown pull policy", "sqlite", ("image.pullPolicy=Sometimes",), "/image/pullPolicy"),
    Refusal(
        "a label of the chart's own",
        "sqlite",
        ('podLabels={"app.kubernetes.io/name": "x"}',),
        "/podLabels/app.kubernetes.io~1name",
    ),
    Refusal(
        "an annotation of the chart's own",
        "sqlite",
        ('podAnnotations={"checksum/secret": "x"}',),
        "/podAnnotations/checksum~1secret",
    ),
    Refusal(
        "an annotation that is a boolean", "sqlite", ('podAnnotations={"a": true}',), "/podAnnotations/a"
    ),
    Refusal(
        "a volume of the chart's own", "sqlite", ('extraVolumes=[{"name": "jwt"}]',), "/extraVolumes/0/name"
    ),
]


def problems_with(refusal: Refusal, chart: Chart) -> list[str]:
    """The values are refused by the schema, the worst by a template as well, before anything is installed."""
    by_schema = _tried(chart, refusal)
    if by_schema.ok:
        return ["it is accepted"]
    if "hidden" in by_schema.errors:
        return [f"the complaint prints a secret: {by_schema.errors.strip()}"]
    if refusal.where not in by_schema.errors:
        return [f"it is refused for another reason: {by_schema.errors.strip()}"]
    if refusal.sentence:
        by_template = _tried(chart, refusal, "--skip-schema-validation")
        if by_template.ok or refusal.sentence not in by_template.errors:
            return [f"no template refuses it: {by_template.errors.strip()}"]
    return []


def _tried(chart: Chart, refusal: Refusal, *more: str) -> Answer:
    with tempfile.TemporaryDirectory() as folder:
        values = Path(folder) / "values.json"
        values.write_text(json.dumps(_nested(refusal.values)))
        return chart.template(
            chart.path / "ci" / f"{refusal.base}-values.yaml", "--values", str(values), *more
        )


def _nested(values: tuple[str, ...]) -> dict[str, object]:
    root: dict[str, object] = {}
    for one in values:
        path, _, text = one.partition("=")
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        *above, name = path.split(".")
        inner = root
        for key in above:
            below = inner.setdefault(key, {})
            assert isinstance(below, dict)
            inner = below
        inner[name] = value
    return root
