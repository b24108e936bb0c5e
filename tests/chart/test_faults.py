"""Faults put into a copy of the chart: each is found by the check that is there for it."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from chart_files import CHART, Chart
from checks import CHECKS


@dataclass(frozen=True, slots=True)
class Fault:
    """One change of one file.

    Attributes:
        what: the fault.
        file: the file of the chart.
        old: what is there, once or more; the first is replaced.
        new: what takes its place.
        check: the check that finds it.
        problem: part of what that check says.
    """

    what: str
    file: str
    old: str
    new: str
    check: str
    problem: str


POD = "templates/_pod.tpl"
HELPERS = "templates/_helpers.tpl"
STATEFULSET = "templates/statefulset.yaml"
DEPLOYMENT = "templates/deployment.yaml"
SERVICE = "templates/service.yaml"
POLICY = "templates/networkpolicy.yaml"
MONITORING = "templates/monitoring.yaml"
TEST = "templates/tests/ready.yaml"
VALUES = "values.yaml"
SCHEMA = "values.schema.json"
ALERTS = "files/alerts.yaml"
DASHBOARD = "files/dashboard.json"

FAULTS = [
    # sources
    Fault("typo after .Values", POD, ".Values.podAnnotations", ".Values.podAnotations", "values_are_referenced", "podAnotations is not in values.yaml"),
    Fault("typo further down", POD, ".Values.probes.liveness.periodSeconds", ".Values.probes.liveness.period", "values_are_referenced", "probes.liveness.period is not in"),
    Fault("value that nothing uses", SERVICE, ".Values.service.annotations", ".Values.podAnnotations", "values_are_referenced", "service.annotations is used by no template"),
    Fault("key twice in values.yaml", VALUES, "logLevel: null", "logLevel: null\nreplicas: 2", "yaml_files_hold_no_key_twice", "'replicas' is there twice"),
    Fault("value that the schema misses", VALUES, "logLevel: null", "logLevel: null\n# New.\nfresh: null", "schema_matches_values", "values.schema.json: fresh is missing"),
    Fault("schema entry without a value", VALUES, "# Priority class of the pods.\npriorityClassName: null\n", "", "schema_matches_values", "values.yaml: priorityClassName is missing"),
    Fault("schema that takes any key", SCHEMA, '"additionalProperties": false', '"additionalProperties": true', "schema_matches_values", "the top takes keys that it does not know"),
    Fault("schema that refuses global", SCHEMA, '"global"', '"globally"', "schema_matches_values", "`global`"),
    Fault("other appVersion", "Chart.yaml", "appVersion: ", "appVersion: 9", "versions_agree", "appVersion is 9"),
    Fault("value without a comment", VALUES, "# `json` or `console`.\n", "", "readme_is_current", "logFormat has no comment"),
    Fault("other default than the README's", VALUES, "shutdownGrace: 20", "shutdownGrace: 25", "readme_is_current", "not current"),
    Fault("alert with an unknown metric", ALERTS, "flyte_slack_orphans", "flyte_slack_orphaned", "metrics_are_known", "flyte_slack_orphaned"),
    Fault("panel with an unknown metric", DASHBOARD, "flyte_slack_event_stored_seconds_bucket", "flyte_slack_event_stored_bucket", "metrics_are_known", "flyte_slack_event_stored_bucket"),
    Fault("panel over another", DASHBOARD, '"x": 12', '"x": 11', "dashboard_is_whole", "lies over"),
    Fault("alert without a severity", ALERTS, "severity: critical", "level: critical", "alerts_say_what_to_do", "no severity"),
    # alerts
    Fault("alert the wrong way round", ALERTS, "flyte_slack_registered == 0", "flyte_slack_registered == 1", "alerts_fire_when_they_should", "FlyteSlackNotRegistered"),
    Fault("alert that fires under load", ALERTS, 'increase(flyte_slack_events_total{outcome="delivered"}', 'increase(flyte_slack_events_total{outcome="dead"}', "alerts_fire_when_they_should", "FlyteSlackNothingDelivered"),
    Fault("alert that asks for a series not there yet", ALERTS, "max by (namespace, job) (flyte_slack_waiting{kind=\"events\"}) > 0\n          unless", "max by (namespace, job) (flyte_slack_waiting{kind=\"events\"}) > 0\n          and", "alerts_fire_when_they_should", "FlyteSlackNothingDelivered"),
    Fault("alert that waits for too long", ALERTS, "for: 5m", "for: 50m", "alerts_fire_when_they_should", "FlyteSlackNotRegistered"),
    Fault("alert without a test", ALERTS, "alert: FlyteSlackGone", "alert: FlyteSlackVanished", "every_alert_is_tested", "FlyteSlackVanished: no test of it firing"),
    Fault("rules that the template changes", MONITORING, '.Files.Get "files/alerts.yaml" | trim', '.Files.Get "files/alerts.yaml" | replace "5m" "6m" | trim', "rendered_rules_are_valid", "not what files/alerts.yaml says"),
    # rendering
    Fault("template that does not end", SERVICE, "{{- end }}", "", "lints", "unexpected"),
    Fault("name of a helper that is not there", SERVICE, 'include "flyte-slack.fullname"', 'include "flyte-slack.name2"', "renders", "no template"),
    Fault("key twice in an object", SERVICE, "  type: ", "  ports: []\n  type: ", "renders", "'ports' is there twice"),
    Fault("wrong indentation", DEPLOYMENT, "nindent 4 }}\n{{- end }}", "nindent 2 }}\n{{- end }}", "kubernetes_accepts", "Deployment"),
    Fault("tab in the YAML", SERVICE, "  type:", "\ttype:", "renders", "service.yaml"),
    Fault("object without a namespace", SERVICE, "  namespace: {{ .Release.Namespace }}\n", "", "renders", "Service has no namespace"),
    Fault("apiVersion that is gone", "templates/poddisruptionbudget.yaml", "policy/v1", "policy/v1beta1", "kubernetes_accepts", "policy/v1beta1"),
    Fault("field that Kubernetes does not know", POD, "terminationGracePeriodSeconds:", "terminationGraceSeconds:", "kubernetes_accepts", "terminationGraceSeconds"),
    Fault("number where a text belongs", POD, "value: {{ toString $value | quote }}", "value: {{ toString $value }}", "kubernetes_accepts", "env"),
    Fault("name of a Secret that is empty", HELPERS, '{{ .Values.flyte.existingSecret | default "" }}', "{{ .Values.flyte.existingSecret }}", "references_lead_somewhere", "Secret None"),
    Fault("field without a value", SERVICE, "type: {{ .Values.service.type }}", "type: {{ .Values.podLabels.type }}", "renders", "Service: spec.type is null"),
    Fault("kind that is never rendered", MONITORING, "if .Values.serviceMonitor.enabled", "if and .Values.serviceMonitor.enabled (eq .Values.mode \"rtm\")", "every_kind_is_rendered", "ServiceMonitor"),
    # references between objects
    Fault("Service that selects nothing", SERVICE, '{{- include "flyte-slack.selectorLabels" . | nindent 4 }}\n  ports', 'app: {{ include "flyte-slack.name" . }}\n  ports', "selectors_match", "Service: its selector does not match"),
    Fault("Service that selects the test's pod", TEST, "flyte-slack.testLabels", "flyte-slack.selectorLabels", "selectors_match", "matches the pod of helm test"),
    Fault("budget that selects nothing", "templates/poddisruptionbudget.yaml", "flyte-slack.selectorLabels", "flyte-slack.testLabels", "selectors_match", "PodDisruptionBudget"),
    Fault("spread of pods that are others", POD, 'include "flyte-slack.selectorLabels" $', 'include "flyte-slack.testLabels" $', "selectors_match", "topology spread"),
    Fault("ServiceMonitor that finds no Service", MONITORING, "matchLabels:\n      {{- include \"flyte-slack.selectorLabels\"", "matchLabels:\n      {{- include \"flyte-slack.testLabels\"", "selectors_match", "ServiceMonitor"),
    Fault("wrong port name in the Service", SERVICE, "targetPort: http", "targetPort: web", "ports_lead_to_the_pod", "no port web"),
    Fault("wrong port name in the Ingress", "templates/ingress.yaml", "name: http", "name: web", "ports_lead_to_the_pod", "no Service with that port"),
    Fault("Ingress that publishes everything", "templates/ingress.yaml", "/slack/events", "/", "ports_lead_to_the_pod", "it publishes /"),
    Fault("wrong port name in the ServiceMonitor", MONITORING, "- port: http", "- port: metrics", "ports_lead_to_the_pod", "ServiceMonitor"),
    Fault("test that asks another port", TEST, "{{ int .Values.service.port }}", "8091", "ports_lead_to_the_pod", "the pod of helm test"),
    Fault("policy that opens the Service's port", POLICY, "{{ int .Values.port }}", "{{ int .Values.service.port }}", "ports_lead_to_the_pod", "it opens [80]"),
    Fault("missing volume", STATEFULSET, "        name: data\n", "        name: store\n", "references_lead_somewhere", "volume data is mounted, and not there"),
    Fault("volume that is not mounted", POD, "            - name: ca\n              mountPath: /etc/flyte-slack/ca\n              readOnly: true\n".replace("            -", "        -").replace("              ", "          "), "", "references_lead_somewhere", "volume ca is not mounted"),
    Fault("key of a Secret that is not there", HELPERS, "SLACK_SIGNING_SECRET: {{", "SIGNING_SECRET: {{", "references_lead_somewhere", "has no key SLACK_SIGNING_SECRET"),
    Fault("Secret that is not there", POD, "secretName: {{ $jwtSecret }}", "secretName: {{ $jwtSecret }}s", "references_lead_somewhere", "neither rendered nor expected"),
    Fault("account that is not there", "templates/serviceaccount.yaml", 'name: {{ include "flyte-slack.serviceAccountName" . }}', 'name: {{ include "flyte-slack.name" . }}', "references_lead_somewhere", "ServiceAccount"),
    # the pods
    Fault("root user", VALUES, "user: 10001", "user: 0", "pods_are_hardened", "runAsUser is no id of its own"),
    Fault("root allowed", POD, "runAsNonRoot: true", "runAsNonRoot: false", "pods_are_hardened", "runAsNonRoot"),
    Fault("writable root", POD, "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "pods_are_hardened", "readOnlyRootFilesystem"),
    Fault("capabilities kept", POD, "drop: [ALL]", "drop: [NET_RAW]", "pods_are_hardened", "capabilities.drop"),
    Fault("token of Kubernetes in the pod", POD, "automountServiceAccountToken: false", "automountServiceAccountToken: true", "pods_are_hardened", "automountServiceAccountToken"),
    Fault("variables of Services, which would set FLYTE_SLACK_PORT", POD, "enableServiceLinks: false", "enableServiceLinks: true", "pods_are_hardened", "enableServiceLinks"),
    Fault("privileged test", TEST, "allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true", "pods_are_hardened", "allowPrivilegeEscalation"),
    Fault("wrong probe path", POD, "path: /health/ready", "path: /ready", "probes_ask_the_right_thing", "readinessProbe"),
    Fault("liveness that fails with Flyte", POD, "livenessProbe:\n        httpGet:\n          path: /health/live", "livenessProbe:\n        httpGet:\n          path: /health/ready", "probes_ask_the_right_thing", "livenessProbe"),
    Fault("port that the pack does not listen on", POD, "containerPort: {{ int .Values.port }}", "containerPort: 8090", "probes_ask_the_right_thing", "not FLYTE_SLACK_PORT"),
    Fault("grace too short", POD, "(ceil .Values.shutdownGrace) 15", "(ceil .Values.shutdownGrace) 5", "stopping_has_time", "is 25, not 35"),
    Fault("grace rounded down", POD, "(ceil .Values.shutdownGrace)", "(floor .Values.shutdownGrace)", "stopping_has_time", "is 45, not 46"),
    Fault("subPath on the Flyte token", POD, "mountPath: /etc/flyte-slack/jwt\n", "mountPath: /etc/flyte-slack/jwt\n          subPath: token\n", "the_flyte_token_is_a_file", "subPath"),
    Fault("Flyte token for everyone to read", POD, "defaultMode: 0440", "defaultMode: 0444", "the_flyte_token_is_a_file", "mode 0440"),
    Fault("Flyte token that nobody can read", POD, "    fsGroup: {{ int64 . }}\n    fsGroupChangePolicy: OnRootMismatch\n", "    fsGroupChangePolicy: OnRootMismatch\n", "the_flyte_token_is_a_file", "no fsGroup"),
    Fault("Flyte token at another path", POD, "path: token", "path: jwt", "the_flyte_token_is_a_file", "FLYTE_JWT_FILE is"),
    Fault("checksum removed", POD, '    checksum/secret: {{ include "flyte-slack.secretData" . | sha256sum }}\n', "", "a_changed_secret_restarts_the_pods", "slack.botToken does not restart"),
    Fault("checksum with the Flyte token", POD, 'include "flyte-slack.secretData" . | sha256sum', 'print (include "flyte-slack.secretData" .) .Values.flyte.jwt | sha256sum', "a_changed_secret_restarts_the_pods", "flyte.jwt restarts the pods"),
    Fault("StatefulSet for PostgreSQL", HELPERS, 'default "sqlite:")', 'default "sqlite:" | replace "postgresql:" "sqlite:")', "the_store_decides_the_workload", "postgresql-values: the store asks for another workload"),
    Fault("StatefulSet that a bad pod blocks", STATEFULSET, "Parallel", "OrderedReady", "the_store_decides_the_workload", "StatefulSet"),
    Fault("gap while rolling over", DEPLOYMENT, "maxUnavailable: 0", "maxUnavailable: 1", "the_store_decides_the_workload", "Deployment"),
    Fault("Service of ready pods only", SERVICE, "publishNotReadyAddresses: true", "publishNotReadyAddresses: false", "events_arrive_while_flyte_is_away", "while Flyte is away"),
    Fault("policy that keeps DNS in", POLICY, "- port: 53\n          protocol: UDP", "- port: 53\n          protocol: TCP", "the_network_policy_lets_out_what_is_needed", "lets out"),
    Fault("policy that keeps Flyte's port in", POLICY, "append $ports $flyte", "append $ports 443", "the_network_policy_lets_out_what_is_needed", "postgresql-values"),
    # settings
    Fault("name of a variable misspelt", POD, '"FLYTE_SLACK_CATCH_UP"', '"FLYTE_SLACK_CATCHUP"', "settings_carry_their_values", "FLYTE_SLACK_CATCHUP is no setting"),
    Fault("two values swapped", POD, '"PACK_NAME" .Values.flyte.packName', '"PACK_NAME" .Values.logLevel', "settings_carry_their_values", "PACK_NAME is 'debug', not 'Slack2'"),
    Fault("0 and false taken for absent", POD, '(kindIs "invalid" $value)', "(not $value)", "settings_carry_their_values", "FLYTE_SLACK_CATCH_UP is None, not '0'"),
    Fault("large number with an exponent", POD, "$value = int64 $value", "$value = $value", "settings_carry_their_values", "e+06"),
    Fault("token in the clear", POD, '(list "FLYTE_API" .Values.flyte.api)', '(list "FLYTE_API" .Values.flyte.api) (list "SLACK_BOT_TOKEN" .Values.slack.botToken)', "settings_carry_their_values", "in the clear"),
    Fault("value that the pack does not take", POD, '"FLYTE_SLACK_MODE" .Values.mode', '"FLYTE_SLACK_MODE" (print .Values.mode "-mode")', "the_pack_accepts_its_settings", "FLYTE_SLACK_MODE"),
    Fault("both the token and its file", POD, "- name: FLYTE_JWT_FILE", "- name: FLYTE_JWT\n          value: x\n        - name: FLYTE_JWT_FILE", "the_pack_accepts_its_settings", "FLYTE_JWT_FILE is set too"),
    # refusals
    Fault("both Secrets allowed by the schema", SCHEMA, '"title": "the tokens are values",\n          "allOf"', '"title": "the tokens are values",\n          "anyOf"', "refuses tokens and an existing Secret", "for another reason"),
    Fault("both Secrets allowed by the templates", HELPERS, "if and $own .Values.slack.existingSecret", "if and false $own", "refuses tokens and an existing Secret", "no template refuses it"),
    Fault("no tokens allowed by the schema", SCHEMA, '"oneOf": [\n        {\n          "title": "the tokens', '"x": [\n        {\n          "title": "the tokens', "refuses no tokens at all", "for another reason"),
    Fault("two Flyte tokens allowed by the templates", HELPERS, "if and .Values.flyte.jwt .Values.flyte.existingSecret", "if and false .Values.flyte.jwt", "refuses a Flyte token and an existing Secret", "no template refuses it"),
    Fault("SQLite with replicas allowed by the schema", SCHEMA, '"maximum": 1\n', '"maximum": 100\n', "refuses SQLite with two pods", "for another reason"),
    Fault("SQLite with replicas allowed by the templates", HELPERS, "gt (int .Values.replicas) 1", "gt (int .Values.replicas) 100", "refuses SQLite with two pods", "no template refuses it"),
    Fault("root allowed by the schema", SCHEMA, '"runAs": {\n      "type": "object",\n      "additionalProperties": false,\n      "properties": {\n        "user": {\n          "type": [\n            "integer",\n            "null"\n          ],\n          "minimum": 1', '"runAs": {\n      "type": "object",\n      "additionalProperties": false,\n      "properties": {\n        "user": {\n          "type": [\n            "integer",\n            "null"\n          ],\n          "minimum": 0', "refuses the root user", "is accepted"),
]  # fmt: skip


def test_every_check_has_a_fault() -> None:
    """No check is there that was never seen to find anything; of the refusals some are enough."""
    assert {name for name in CHECKS if not name.startswith("refuses")} <= {fault.check for fault in FAULTS}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what.replace(" ", "-"))
def test_the_fault_is_found(fault: Fault, tmp_path: Path) -> None:
    """The check that is there for a fault finds it, and says what it is."""
    copy = tmp_path / "flyte-slack"
    shutil.copytree(CHART, copy)
    file = copy / fault.file
    text = file.read_text()
    assert fault.old in text
    file.write_text(text.replace(fault.old, fault.new, 1))

    problems = CHECKS[fault.check](Chart(copy))

    assert any(fault.problem in problem for problem in problems), problems
