"""Checks of what helm renders. Each returns problems, none for a good chart."""

import functools
import json
from collections.abc import Callable, Iterator
from typing import Any

import kubernetes_validate
import yaml
from chart_files import Chart, Json, at, container, load_strictly, of_kind, pod_template, workload
from kubernetes_validate import utils as kubernetes_utils

# The oldest Kubernetes that Chart.yaml allows, and the newest that there are schemas of.
KUBERNETES = ("1.25", kubernetes_utils.latest_version())
OPERATOR = "monitoring.coreos.com/v1"
KINDS = {
    "ConfigMap", "Deployment", "Ingress", "NetworkPolicy", "Pod", "PodDisruptionBudget", "PrometheusRule",
    "Secret", "Service", "ServiceAccount", "ServiceMonitor", "StatefulSet",
}  # fmt: skip
# Values that are handed on unchanged, and where they arrive: in an object of a kind, in the
# StatefulSet or Deployment (`WORKLOAD`), in the pods' template (`POD`), in its container (`MAIN`).
HANDED_ON = {
    "affinity": ("POD", "spec.affinity"),
    "args": ("MAIN", "args"),
    "dashboard.annotations": ("ConfigMap", "metadata.annotations"),
    "dashboard.labels": ("ConfigMap", "metadata.labels"),
    "extraEnv": ("MAIN", "env"),
    "extraVolumeMounts": ("MAIN", "volumeMounts"),
    "extraVolumes": ("POD", "spec.volumes"),
    "image.pullPolicy": ("MAIN", "imagePullPolicy"),
    "ingress.annotations": ("Ingress", "metadata.annotations"),
    "ingress.className": ("Ingress", "spec.ingressClassName"),
    "networkPolicy.extraEgress": ("NetworkPolicy", "spec.egress"),
    "nodeSelector": ("POD", "spec.nodeSelector"),
    "podAnnotations": ("POD", "metadata.annotations"),
    "podDisruptionBudget.maxUnavailable": ("PodDisruptionBudget", "spec.maxUnavailable"),
    "podLabels": ("POD", "metadata.labels"),
    "priorityClassName": ("POD", "spec.priorityClassName"),
    "probes.liveness": ("MAIN", "livenessProbe"),
    "probes.readiness": ("MAIN", "readinessProbe"),
    "probes.startup": ("MAIN", "startupProbe"),
    "prometheusRule.labels": ("PrometheusRule", "metadata.labels"),
    "resources": ("MAIN", "resources"),
    "runAs.fsGroup": ("POD", "spec.securityContext.fsGroup"),
    "runAs.group": ("POD", "spec.securityContext.runAsGroup"),
    "runAs.user": ("POD", "spec.securityContext.runAsUser"),
    "service.annotations": ("Service", "metadata.annotations"),
    "service.port": ("Service", "spec.ports.0.port"),
    "service.type": ("Service", "spec.type"),
    "serviceAccount.annotations": ("ServiceAccount", "metadata.annotations"),
    "serviceMonitor.interval": ("ServiceMonitor", "spec.endpoints.0.interval"),
    "serviceMonitor.labels": ("ServiceMonitor", "metadata.labels"),
    "store.volume.accessMode": ("StatefulSet", "spec.volumeClaimTemplates.0.spec.accessModes.0"),
    "store.volume.annotations": ("StatefulSet", "spec.volumeClaimTemplates.0.metadata.annotations"),
    "store.volume.size": ("StatefulSet", "spec.volumeClaimTemplates.0.spec.resources.requests.storage"),
    "store.volume.storageClassName": ("StatefulSet", "spec.volumeClaimTemplates.0.spec.storageClassName"),
    "tolerations": ("POD", "spec.tolerations"),
    "topologySpreadConstraints": ("POD", "spec.topologySpreadConstraints"),
    "workloadAnnotations": ("WORKLOAD", "metadata.annotations"),
}
# What the files of ci/ expect to be there already: Secrets and ConfigMaps with their keys.
EXTERNAL = {
    "Secret": {
        "slack-tokens": {"bot", "app", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"},
        "flyte-token": {"token", "jwt"},
        "database": {"uri"},
        "slack-example-com": {"tls.crt", "tls.key"},
        "registry": {".dockerconfigjson"},
    },
    "ConfigMap": {"authorities": {"bundle.pem"}, "proxies": {"extra"}, "extra": set[str]()},
    "ServiceAccount": {"existing": set[str](), "default": set[str]()},
}

# Reading the definitions takes longer than everything else.
kubernetes_utils.schema_contents = functools.cache(kubernetes_utils.schema_contents)


def lints(chart: Chart) -> list[str]:
    """`helm lint --strict` has nothing to say against the chart, whichever values are given."""
    problems = []
    for ci_file in chart.ci_files:
        answer = chart.helm("lint", "--strict", str(chart.path), "--values", str(ci_file))
        lines = (answer.output + answer.errors).splitlines()
        said = [line for line in lines if "[ERROR]" in line or "[WARNING]" in line]
        problems += [f"{ci_file.stem}: {line}" for line in said or ([] if answer.ok else lines)]
    return problems


def renders(chart: Chart) -> list[str]:
    """Every file of ci/ renders: no key and no object twice, no null, no object without namespace."""
    problems = []
    for ci_file in chart.ci_files:
        answer = chart.template(ci_file)
        if not answer.ok:
            problems.append(f"{ci_file.stem}: {answer.errors.strip()}")
            continue
        try:
            objects = load_strictly(answer.output)
        except yaml.YAMLError as error:
            problems.append(f"{ci_file.stem}: {' '.join(str(error).split())}")
            continue
        names = [(one.get("kind"), at(one, "metadata.name")) for one in objects]
        problems += [
            f"{ci_file.stem}: {name} is there twice" for name in sorted(set(names)) if names.count(name) > 1
        ]
        problems += [
            f"{ci_file.stem}: {one.get('kind')} has no namespace"
            for one in objects
            if at(one, "metadata.namespace") != "chat"
        ]
        problems += [
            f"{ci_file.stem}: {one.get('kind')}: {path} is null"
            for one in objects
            for path in _nulls(one, "")
        ]
        if "<no value>" in answer.output or "%!" in answer.output:
            problems.append(f"{ci_file.stem}: a template printed a value that is not there")
    return problems


def _nulls(value: Any, path: str) -> Iterator[str]:
    if value is None:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in items:
        yield from _nulls(below, f"{path}.{key}".lstrip("."))


def kubernetes_accepts(chart: Chart) -> list[str]:
    """Every object of Kubernetes' own fits its schema, in the oldest and in the newest version."""
    problems = []
    seen: set[str] = set()
    for name, objects in chart.all_objects:
        for one in objects:
            text = json.dumps(one, sort_keys=True)
            if one.get("apiVersion") == OPERATOR or text in seen:
                continue
            seen.add(text)
            for version in KUBERNETES:
                try:
                    kubernetes_validate.validate(one, version, strict=True)
                except kubernetes_validate.ValidationError as error:
                    path = ".".join(map(str, error.path))
                    problems.append(f"{name}: {one['kind']} {version}: {path}: {error.message[:200]}")
                except kubernetes_validate.SchemaNotFoundError as error:
                    problems.append(f"{name}: {error.message}")
    return problems


def every_kind_is_rendered(chart: Chart) -> list[str]:
    """Each kind that the templates have is rendered with at least one file of ci/."""
    rendered = {one.get("kind") for _, objects in chart.all_objects for one in objects}
    return [f"no file of ci/ renders a {kind}" for kind in sorted(KINDS - rendered)] + [
        f"{kind} is rendered, and no check knows it" for kind in sorted(map(str, rendered - KINDS))
    ]


def values_arrive(chart: Chart) -> list[str]:
    """A value that is handed on arrives where it belongs, whole and unchanged."""
    problems = []
    for ci_file in chart.ci_files:
        values, objects = chart.merged(ci_file), chart.objects(ci_file)
        template = pod_template(objects)
        places = {"POD": template, "MAIN": container(template), "WORKLOAD": workload(objects)}
        for path, (kind, where) in HANDED_ON.items():
            given, place = at(values, path), places.get(kind) or next(iter(of_kind(objects, kind)), None)
            if given is not None and place is not None and not _holds(at(place, where), given):
                problems.append(f"{ci_file.stem}: {path} does not arrive at {kind} {where}")
    return problems


def _holds(there: Any, given: Any) -> bool:
    """Whether a mapping holds these entries, a list these items, or a value is this one."""
    if isinstance(given, dict):
        return given.items() <= (there or {}).items()
    if isinstance(given, list):
        return all(any(_same(one, item) for one in there or []) for item in given)
    return bool(there == given)


def _same(one: Any, given: Any) -> bool:
    """Whether an item is the one that was given; a constraint may have got a selector."""
    if isinstance(one, dict) and "labelSelector" not in given:
        one = {key: value for key, value in one.items() if key != "labelSelector"}
    return bool(one == given)


def for_each_file(check: Callable[[list[Json]], Iterator[str]]) -> Callable[[Chart], list[str]]:
    @functools.wraps(check)
    def run(chart: Chart) -> list[str]:
        return [f"{name}: {problem}" for name, objects in chart.all_objects for problem in check(objects)]

    return run


def _matches(selector: Json | None, labels: Json | None) -> bool:
    return bool(selector) and (selector or {}).items() <= (labels or {}).items()


@for_each_file
def selectors_match(objects: list[Json]) -> Iterator[str]:
    """Every selector matches the pack's pods, and not the pod of `helm test`."""
    labels = at(pod_template(objects), "metadata.labels")
    tests = [at(one, "metadata.labels") for one in of_kind(objects, "Pod")]
    where = {
        "Service": "spec.selector",
        "StatefulSet": "spec.selector.matchLabels",
        "Deployment": "spec.selector.matchLabels",
        "PodDisruptionBudget": "spec.selector.matchLabels",
        "NetworkPolicy": "spec.podSelector.matchLabels",
    }
    selectors = [(one["kind"], at(one, where[one["kind"]])) for one in objects if one["kind"] in where]
    for constraint in at(pod_template(objects), "spec.topologySpreadConstraints") or []:
        selectors.append(("topology spread", at(constraint, "labelSelector.matchLabels")))
    for kind, selector in selectors:
        if not _matches(selector, labels):
            yield f"{kind}: its selector does not match the pods"
        if any(_matches(selector, test) for test in tests):
            yield f"{kind}: its selector matches the pod of helm test"
    for monitor in of_kind(objects, "ServiceMonitor"):
        services = [at(one, "metadata.labels") for one in of_kind(objects, "Service")]
        if not any(_matches(at(monitor, "spec.selector.matchLabels"), one) for one in services):
            yield "ServiceMonitor: its selector matches no Service"


@for_each_file
def ports_lead_to_the_pod(objects: list[Json]) -> Iterator[str]:
    """Ingress, ServiceMonitor and the test's URL name a port of the Service, which names one of the pod."""
    pod_ports = {
        port["name"]: port["containerPort"] for port in container(pod_template(objects)).get("ports", [])
    }
    if not pod_ports:
        yield "the pod has no ports"
    services = {at(one, "metadata.name"): at(one, "spec.ports") or [] for one in of_kind(objects, "Service")}
    names = {port["name"] for ports in services.values() for port in ports}
    for port in (port for ports in services.values() for port in ports):
        if port["targetPort"] not in pod_ports:
            yield f"Service: the pod has no port {port['targetPort']}"
    for ingress in of_kind(objects, "Ingress"):
        for path in (path for rule in at(ingress, "spec.rules") for path in at(rule, "http.paths")):
            backend = at(path, "backend.service")
            if backend["name"] not in services or at(backend, "port.name") not in names:
                yield f"Ingress: there is no Service with that port: {backend}"
            if (path["path"], path["pathType"]) != ("/slack/events", "Exact"):
                yield f"Ingress: it publishes {path['path']}"
    for monitor in of_kind(objects, "ServiceMonitor"):
        for endpoint in at(monitor, "spec.endpoints"):
            if endpoint["port"] not in names or endpoint["path"] != "/metrics":
                yield f"ServiceMonitor: the Service has no {endpoint}"
    urls = {
        f"http://{name}:{port['port']}/health/ready" for name, ports in services.items() for port in ports
    }
    for pod in of_kind(objects, "Pod"):
        if not urls & set(container(pod).get("args", [])):
            yield "the pod of helm test does not ask the Service for /health/ready"
    for policy in of_kind(objects, "NetworkPolicy"):
        opened = {port["port"] for rule in at(policy, "spec.ingress") for port in rule["ports"]}
        if opened != set(pod_ports.values()):
            yield f"NetworkPolicy: it opens {sorted(opened)}"
    if at(workload(objects), "spec.serviceName") not in {None, *services}:
        yield "StatefulSet: its Service is not there"


@for_each_file
def references_lead_somewhere(objects: list[Json]) -> Iterator[str]:
    """Secrets, ConfigMaps, keys, volumes, accounts that a pod names are rendered, or expected by ci/."""
    there: dict[str, dict[str, set[str]]] = {kind: dict(names) for kind, names in EXTERNAL.items()}
    for one in of_kind(objects, "Secret", "ConfigMap", "ServiceAccount"):
        there[one["kind"]][at(one, "metadata.name")] = {*one.get("data", {})}
    pods = [pod_template(objects), *of_kind(objects, "Pod")]
    for pod in pods:
        for kind, name, key in _named(pod):
            if name not in there[kind]:
                yield f"{kind} {name} is neither rendered nor expected"
            elif key and key not in there[kind][name]:
                yield f"{kind} {name} has no key {key}"
        volumes = [volume["name"] for volume in at(pod, "spec.volumes") or []]
        claims = [
            at(claim, "metadata.name") for claim in at(workload(objects), "spec.volumeClaimTemplates") or []
        ]
        mounted = [mount["name"] for mount in container(pod).get("volumeMounts", [])]
        known = volumes + (claims if pod is pods[0] else [])
        yield from (f"volume {name} is mounted, and not there" for name in sorted({*mounted} - {*known}))
        yield from (f"volume {name} is not mounted" for name in sorted({*known} - {*mounted}))
        yield from (f"volume {name} is there twice" for name in sorted(set(known)) if known.count(name) > 1)
        paths = [mount["mountPath"] for mount in container(pod).get("volumeMounts", [])]
        yield from (f"two mounts at {path}" for path in sorted(set(paths)) if paths.count(path) > 1)
        names = [entry["name"] for entry in container(pod).get("env", [])]
        yield from (f"variable {name} is set twice" for name in sorted(set(names)) if names.count(name) > 1)
    for ingress in of_kind(objects, "Ingress"):
        for tls in at(ingress, "spec.tls") or []:
            if tls["secretName"] not in there["Secret"]:
                yield f"Secret {tls['secretName']} is neither rendered nor expected"


def _named(pod: Json) -> Iterator[tuple[str, str, str | None]]:
    spec = pod.get("spec", {})
    if spec.get("serviceAccountName"):
        yield "ServiceAccount", spec["serviceAccountName"], None
    for pull in spec.get("imagePullSecrets", []):
        yield "Secret", pull["name"], None
    for entry in container(pod).get("env", []):
        for kind, key in (("Secret", "secretKeyRef"), ("ConfigMap", "configMapKeyRef")):
            reference = at(entry, f"valueFrom.{key}")
            if reference:
                yield kind, reference["name"], reference["key"]
    for volume in spec.get("volumes", []):
        for kind, key, name in (("Secret", "secret", "secretName"), ("ConfigMap", "configMap", "name")):
            source: Any = volume.get(key)
            if source:
                for item in source.get("items", [{"key": None}]):
                    yield kind, source[name], item["key"]
