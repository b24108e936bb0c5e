{{/* Name of the chart. */}}
{{- define "flyte-slack.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Name of the release's objects. 52 characters leave room for what Kubernetes and this chart add to it. */}}
{{- define "flyte-slack.fullname" -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- $both := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- .Values.fullnameOverride | default $both | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{/* Labels that selectors use: they never change during the life of a release. */}}
{{- define "flyte-slack.selectorLabels" -}}
app.kubernetes.io/name: {{ include "flyte-slack.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: pack
{{- end -}}

{{/* Labels of every object. */}}
{{- define "flyte-slack.labels" -}}
{{ include "flyte-slack.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: flyte
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Name and other labels of the pod of `helm test`, which no selector of the pack may match. */}}
{{- define "flyte-slack.testLabels" -}}
app.kubernetes.io/name: {{ include "flyte-slack.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: test
{{- end -}}

{{- define "flyte-slack.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "flyte-slack.fullname" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end -}}

{{- define "flyte-slack.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* `yes` where the store is an SQLite file on the pod's own volume, else empty. */}}
{{- define "flyte-slack.sqlite" -}}
{{- if and (not .Values.store.existingSecret) (hasPrefix "sqlite:" (.Values.store.url | default "sqlite:")) -}}
yes
{{- end -}}
{{- end -}}

{{/* Name of the Secret that holds the Flyte token, or empty. */}}
{{- define "flyte-slack.jwtSecret" -}}
{{- if .Values.flyte.jwt -}}
{{ include "flyte-slack.fullname" . }}-jwt
{{- else -}}
{{ .Values.flyte.existingSecret | default "" }}
{{- end -}}
{{- end -}}

{{/* What the chart's own Secret holds, without the Flyte token. */}}
{{- define "flyte-slack.secretData" -}}
{{- if .Values.slack.botToken }}
SLACK_BOT_TOKEN: {{ .Values.slack.botToken | b64enc | quote }}
{{- if eq .Values.mode "http" }}
SLACK_SIGNING_SECRET: {{ .Values.slack.signingSecret | b64enc | quote }}
{{- else }}
SLACK_APP_TOKEN: {{ .Values.slack.appToken | b64enc | quote }}
{{- end }}
{{- end }}
{{- if and .Values.store.url (not (include "flyte-slack.sqlite" .)) }}
FLYTE_SLACK_STORE: {{ .Values.store.url | b64enc | quote }}
{{- end }}
{{- end -}}

{{/* Port of a URL: the one it names, else its scheme's. */}}
{{- define "flyte-slack.urlPort" -}}
{{- $url := urlParse . -}}
{{- $named := regexFind ":[0-9]+$" $url.host -}}
{{- if $named -}}
{{ trimPrefix ":" $named }}
{{- else -}}
{{ get (dict "http" "80" "https" "443" "postgresql" "5432") $url.scheme }}
{{- end -}}
{{- end -}}

{{/*
Refuses what would not work. The schema refuses most of it as well; this says it in a sentence. What a secret looks like
is looked at here alone, as the schema's complaint would print it.
*/}}
{{- define "flyte-slack.validate" -}}
{{- $own := or .Values.slack.botToken .Values.slack.appToken .Values.slack.signingSecret -}}
{{- if not .Values.flyte.api -}}
{{- fail "flyte.api is required: the base URL of the Flyte API" -}}
{{- end -}}
{{- if and $own .Values.slack.existingSecret -}}
{{- fail "slack: set either existingSecret or the tokens themselves, not both" -}}
{{- end -}}
{{- if not (or $own .Values.slack.existingSecret) -}}
{{- fail "slack: set existingSecret, or botToken with appToken (mode socket) or signingSecret (mode http)" -}}
{{- end -}}
{{- if and $own (not .Values.slack.botToken) -}}
{{- fail "slack.botToken is required" -}}
{{- end -}}
{{- if and $own (eq .Values.mode "socket") (not .Values.slack.appToken) -}}
{{- fail "slack.appToken is required where mode is socket" -}}
{{- end -}}
{{- if and $own (eq .Values.mode "http") (not .Values.slack.signingSecret) -}}
{{- fail "slack.signingSecret is required where mode is http" -}}
{{- end -}}
{{- if and .Values.slack.botToken (not (regexMatch "^xox(b|e\\.xoxb)-" .Values.slack.botToken)) -}}
{{- fail "slack.botToken must begin with xoxb-" -}}
{{- end -}}
{{- if and .Values.slack.appToken (not (hasPrefix "xapp-" .Values.slack.appToken)) -}}
{{- fail "slack.appToken must begin with xapp-" -}}
{{- end -}}
{{- if and .Values.flyte.jwt (not (regexMatch "^[!-~]+$" .Values.flyte.jwt)) -}}
{{- fail "flyte.jwt must be printable ASCII characters without a blank" -}}
{{- end -}}
{{- $sqlite := "sqlite:////data/[^/]+" -}}
{{- $postgresql := "postgresql://([^@/?#\\s]+@)?[^@/?#\\s]+/[^/?#\\s]+(\\?\\S*)?" -}}
{{- if and .Values.store.url (not (regexMatch (printf "^(%s|%s)$" $sqlite $postgresql) .Values.store.url)) -}}
{{- fail "store.url must be sqlite:////data/NAME.db or postgresql://USER:PASSWORD@HOST/DB" -}}
{{- end -}}
{{- if and .Values.flyte.jwt .Values.flyte.existingSecret -}}
{{- fail "flyte: set either existingSecret or jwt, not both" -}}
{{- end -}}
{{- if and .Values.store.url .Values.store.existingSecret -}}
{{- fail "store: set either existingSecret or url, not both" -}}
{{- end -}}
{{- if and (include "flyte-slack.sqlite" .) (gt (int .Values.replicas) 1) -}}
{{- fail "replicas: an SQLite store is for one pod; set store.url or store.existingSecret to PostgreSQL" -}}
{{- end -}}
{{- if and .Values.podDisruptionBudget.enabled (lt (int .Values.replicas) 2) -}}
{{- fail "podDisruptionBudget: needs two replicas or more, it would guard nothing with one" -}}
{{- end -}}
{{- if and .Values.ingress.enabled (ne .Values.mode "http") -}}
{{- fail "ingress: needs mode http, Slack calls nothing in mode socket" -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) -}}
{{- fail "ingress.host is required where the Ingress is enabled" -}}
{{- end -}}
{{- end -}}
