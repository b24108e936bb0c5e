"""Checks of the pods: hardening, probes, stopping, tokens, settings. None finds a problem in a good chart."""

import base64
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from chart_files import Chart, Json, at, container, of_kind, pod_template, workload
from object_checks import for_each_file

from flyte_slack.errors import SettingsError
from flyte_slack.settings.slack import Settings, variables

# Where the value of each setting comes from; `None`: from no value, and why.
SETTINGS: dict[str, str | None] = {
    "FLYTE_API": "flyte.api",
    "FLYTE_JWT": None,  # the token is mounted as a file, so that it can be rotated
    "FLYTE_JWT_FILE": "flyte.jwt",
    "FLYTE_LABELS": "flyte.labels",
    "FLYTE_API_TIMEOUT": "flyte.apiTimeout",
    "FLYTE_API_INSECURE": "flyte.apiInsecure",
    "PACK_NAME": "flyte.packName",
    "SLACK_BOT_TOKEN": "slack.botToken",
    "FLYTE_SLACK_TOKEN": None,  # an alias of SLACK_BOT_TOKEN
    "SLACK_APP_TOKEN": "slack.appToken",
    "SLACK_SIGNING_SECRET": "slack.signingSecret",
    "FLYTE_SLACK_MODE": "mode",
    "SLACK_API_URL": "slack.apiUrl",
    "FLYTE_SLACK_STORE": "store.url",
    "FLYTE_SLACK_POLL_INTERVAL": "flyte.pollInterval",
    "FLYTE_SLACK_PORT": "port",
    "FLYTE_SLACK_HOST": "host",
    "FLYTE_SLACK_CONNECTIONS": "slack.connections",
    "FLYTE_SLACK_CATCH_UP": "slack.catchUp",
    "FLYTE_SLACK_CHANNELS": "slack.channels",
    "FLYTE_SLACK_EVENTS": "slack.events",
    "FLYTE_SLACK_COMMANDS": "slack.commands",
    "FLYTE_SLACK_API_METHODS": "slack.apiMethods",
    "FLYTE_SLACK_FORWARD_BOTS": "slack.forwardBots",
    "FLYTE_SLACK_MENTIONS": "slack.mentions",
    "FLYTE_SLACK_CLASSIC": "slack.classic",
    "RENEW_CONVERSATION_LIST": "slack.renewConversationList",
    "FLYTE_SLACK_ADOPT": "flyte.adopt",
    "FLYTE_SLACK_SHUTDOWN_GRACE": "shutdownGrace",
    "LOGLEVEL": "logLevel",
    "LOG_FORMAT": "logFormat",
}
NOT_THE_PACKS_OWN = {"SSL_CERT_FILE"}
DEFAULTS = {"store.url": "sqlite:////data/flyte-slack.db"}
SECRET = {"SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET"}
# What stands for the content of a Secret that is there already.
FOREIGN = {
    "SLACK_BOT_TOKEN": "xoxb-1",
    "SLACK_APP_TOKEN": "xapp-1",
    "SLACK_SIGNING_SECRET": "1",
    "FLYTE_SLACK_STORE": "postgresql://flyte:1@postgresql.example.com/flyte",
}


@for_each_file
def pods_are_hardened(objects: list[Json]) -> Iterator[str]:
    """No root, no privileges, no writable root, no token of Kubernetes', no variables of Services."""
    for pod in [pod_template(objects), *of_kind(objects, "Pod")]:
        spec, main = pod.get("spec", {}), container(pod)
        wanted = {
            "securityContext.runAsNonRoot": True,
            "securityContext.seccompProfile.type": "RuntimeDefault",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
        }
        yield from (f"{key} is not {value}" for key, value in wanted.items() if at(spec, key) != value)
        wanted = {
            "securityContext.allowPrivilegeEscalation": False,
            "securityContext.readOnlyRootFilesystem": True,
            "securityContext.capabilities.drop": ["ALL"],
            "workingDir": "/",
        }
        yield from (f"{key} is not {value}" for key, value in wanted.items() if at(main, key) != value)
        for key in ("runAsUser", "runAsGroup"):
            if (at(spec, f"securityContext.{key}") or 0) < 10000:
                yield f"securityContext.{key} is no id of its own"
        if len(spec.get("containers", [])) != 1 or "initContainers" in spec:
            yield "there are more containers than one"
        if not at(main, "resources.limits.memory") or not at(main, "resources.requests.cpu"):
            yield "memory has no limit, or CPU no request"
    for account in of_kind(objects, "ServiceAccount"):
        if account.get("automountServiceAccountToken") is not False:
            yield "ServiceAccount: its token is mounted"


@for_each_file
def probes_ask_the_right_thing(objects: list[Json]) -> Iterator[str]:
    """Startup and liveness ask /health/live, readiness /health/ready, all on the port named http."""
    main = container(pod_template(objects))
    paths = {
        "startupProbe": "/health/live",
        "livenessProbe": "/health/live",
        "readinessProbe": "/health/ready",
    }
    for probe, path in paths.items():
        if at(main, f"{probe}.httpGet") != {"path": path, "port": "http"}:
            yield f"{probe} does not ask {path} on http"
    ports = {port["name"]: port["containerPort"] for port in main.get("ports", [])}
    told = {entry["name"]: entry.get("value") for entry in main.get("env", [])}
    if str(ports.get("http")) != told.get("FLYTE_SLACK_PORT"):
        yield "the port named http is not FLYTE_SLACK_PORT"


def stopping_has_time(chart: Chart) -> list[str]:
    """Kubernetes waits for 15 seconds more than the pack takes for a stop."""
    problems = []
    for ci_file in chart.ci_files:
        wanted = math.ceil(chart.merged(ci_file)["shutdownGrace"]) + 15
        given = at(pod_template(chart.objects(ci_file)), "spec.terminationGracePeriodSeconds")
        if given != wanted:
            problems.append(f"{ci_file.stem}: terminationGracePeriodSeconds is {given}, not {wanted}")
    return problems


@for_each_file
def the_flyte_token_is_a_file(objects: list[Json]) -> Iterator[str]:
    """The Flyte token is mounted as a directory, which Kubernetes updates, for the pod's group alone."""
    pod = pod_template(objects)
    told = {entry["name"]: entry.get("value") for entry in container(pod).get("env", [])}
    volumes = [volume for volume in at(pod, "spec.volumes") or [] if volume["name"] == "jwt"]
    mounts = [mount for mount in container(pod).get("volumeMounts", []) if mount["name"] == "jwt"]
    if "FLYTE_JWT_FILE" not in told:
        yield from ["the Flyte token is mounted, and FLYTE_JWT_FILE is not set"] if volumes or mounts else []
        return
    if len(volumes) != 1 or len(mounts) != 1:
        yield "FLYTE_JWT_FILE is set, and the token is not mounted"
        return
    if "subPath" in mounts[0] or "subPathExpr" in mounts[0]:
        yield "the Flyte token is mounted with subPath: it would not be updated"
    if mounts[0].get("readOnly") is not True:
        yield "the Flyte token is mounted writable"
    if at(volumes[0], "secret.defaultMode") != 0o440:
        yield "the Flyte token has not the mode 0440"
    if not at(pod, "spec.securityContext.fsGroup"):
        yield "there is no fsGroup: the pack could not read the Flyte token"
    files = {f"{mounts[0]['mountPath']}/{item['path']}" for item in at(volumes[0], "secret.items") or []}
    if files != {told["FLYTE_JWT_FILE"]}:
        yield f"FLYTE_JWT_FILE is {told['FLYTE_JWT_FILE']}, mounted is {sorted(files)}"


def a_changed_secret_restarts_the_pods(chart: Chart) -> list[str]:
    """Another bot token or store URL changes the pods' template; another Flyte token does not."""
    everything = chart.path / "ci" / "everything-values.yaml"
    usual = pod_template(chart.objects(everything))
    problems = []
    for value, restarts in (
        ("slack.botToken=xoxb-other", True),
        ("slack.signingSecret=other", True),
        ("store.url=postgresql://flyte:other@postgresql.example.com/flyte", True),
        ("flyte.jwt=other", False),
    ):
        other = pod_template(chart.objects(everything, "--set", value))
        if not other or (other != usual) is not restarts:
            problems.append(
                f"another {value.partition('=')[0]} {'does not restart' if restarts else 'restarts'} the pods"
            )
    return problems


def the_store_decides_the_workload(chart: Chart) -> list[str]:
    """SQLite: a StatefulSet of one pod with a volume. PostgreSQL: a Deployment that is rolled over."""
    problems = []
    for ci_file in chart.ci_files:
        values, objects = chart.merged(ci_file), chart.objects(ci_file)
        one = workload(objects)
        sqlite = not values["store"]["existingSecret"] and not str(values["store"]["url"]).startswith(
            "postgresql:"
        )
        mounts = {
            mount["mountPath"]: mount["name"]
            for mount in container(pod_template(objects)).get("volumeMounts", [])
        }
        if sqlite:
            good = (one.get("kind"), at(one, "spec.replicas"), mounts.get("/data")) == (
                "StatefulSet",
                1,
                "data",
            )
            good &= at(one, "spec.podManagementPolicy") == "Parallel"
        else:
            good = (one.get("kind"), at(one, "spec.replicas")) == ("Deployment", values["replicas"])
            good &= at(one, "spec.strategy.rollingUpdate.maxUnavailable") == 0 and "/data" not in mounts
        if not good or len(of_kind(objects, "StatefulSet", "Deployment")) != 1:
            problems.append(f"{ci_file.stem}: the store asks for another workload than {one.get('kind')}")
    return problems


@for_each_file
def events_arrive_while_flyte_is_away(objects: list[Json]) -> Iterator[str]:
    """The Service leads to pods that are not ready, too: they keep Slack's events until Flyte is back."""
    for service in of_kind(objects, "Service"):
        if at(service, "spec.publishNotReadyAddresses") is not True:
            yield "Service: Slack's events would be refused while Flyte is away"


def the_network_policy_lets_out_what_is_needed(chart: Chart) -> list[str]:
    """DNS, 443, and the ports of the Flyte API and of PostgreSQL are open, and nothing else."""
    wanted = {
        "everything-values": {53, 443, 8081, 6432, 3128},
        "postgresql-values": {53, 443, 8080, 5433},
        "sqlite-everything-values": {53, 443},
    }
    problems = []
    for name, objects in chart.all_objects:
        for policy in of_kind(objects, "NetworkPolicy"):
            ports = [port for rule in at(policy, "spec.egress") for port in rule["ports"]]
            opened = {port["port"] for port in ports}
            if opened != wanted.get(name) or {("UDP", 53), ("TCP", 53)} - {
                (p["protocol"], p["port"]) for p in ports
            }:
                problems.append(f"{name}: NetworkPolicy lets out {sorted(opened)}")
            if set(at(policy, "spec.policyTypes")) != {"Ingress", "Egress"}:
                problems.append(f"{name}: NetworkPolicy does not hold both ways")
    return problems


def environment(objects: list[Json]) -> dict[str, str]:
    """Return the pack's variables, with what the Secrets hold or what stands for it."""
    secrets = {at(one, "metadata.name"): one.get("data", {}) for one in of_kind(objects, "Secret")}
    found = {}
    for entry in container(pod_template(objects)).get("env", []):
        reference = at(entry, "valueFrom.secretKeyRef")
        if reference:
            held = secrets.get(reference["name"], {}).get(reference["key"])
            known = FOREIGN.get(entry["name"], "")
            found[entry["name"]] = known if held is None else base64.b64decode(held).decode()
        elif "value" in entry:
            found[entry["name"]] = str(entry["value"])
    return found


def settings_carry_their_values(chart: Chart) -> list[str]:
    """Every variable has what its value says, or is absent without one; each is set by some file of ci/."""
    problems = [f"SETTINGS: {name} is missing or unknown" for name in set(SETTINGS) ^ set(variables())]
    set_somewhere: set[str] = set()
    for ci_file in chart.ci_files:
        values, objects = chart.merged(ci_file), chart.objects(ci_file)
        found = environment(objects)
        set_somewhere |= set(found)
        extra = {entry["name"] for entry in values["extraEnv"]}
        unknown = set(found) - set(variables()) - NOT_THE_PACKS_OWN - extra
        problems += [f"{ci_file.stem}: {name} is no setting of the pack" for name in sorted(unknown)]
        for entry in container(pod_template(objects)).get("env", []):
            if entry["name"] in SECRET and "value" in entry:
                problems.append(f"{ci_file.stem}: {entry['name']} is there in the clear")
        for name, path in SETTINGS.items():
            wanted = _wanted(name, path, values)
            if found.get(name) != wanted:
                problems.append(f"{ci_file.stem}: {name} is {found.get(name)!r}, not {wanted!r}")
    never = {name for name, path in SETTINGS.items() if path} - set_somewhere
    return problems + [f"no file of ci/ sets {name}" for name in sorted(never)]


def _wanted(name: str, path: str | None, values: Json) -> str | None:
    if path is None:
        return None
    if name == "FLYTE_JWT_FILE":
        given = values["flyte"]["jwt"] or values["flyte"]["existingSecret"]
        return "/etc/flyte-slack/jwt/token" if given else None
    if (name == "SLACK_APP_TOKEN" and values["mode"] == "http") or (
        name == "SLACK_SIGNING_SECRET" and values["mode"] == "socket"
    ):
        return None
    above = path.partition(".")[0]
    if name in FOREIGN and values[above]["existingSecret"]:
        return FOREIGN[name]
    value: Any = at(values, path)
    if value is None:
        return DEFAULTS.get(path)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(value) or None
    if isinstance(value, dict):
        return ",".join(f"{key}={label}" for key, label in sorted(value.items())) or None
    return str(value)


def the_pack_accepts_its_settings(chart: Chart) -> list[str]:
    """The pack itself reads the variables of the pod without a complaint."""
    problems = []
    for name, objects in chart.all_objects:
        found = environment(objects)
        if "FLYTE_JWT_FILE" in found:
            found["FLYTE_JWT_FILE"] = str(Path(__file__))
        with mock.patch.dict(os.environ, found, clear=True):
            try:
                Settings.load()
            except SettingsError as error:
                problems.append(f"{name}: {error}")
    return problems
