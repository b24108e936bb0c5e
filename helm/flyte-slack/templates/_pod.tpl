{{/* The settings that are given, one `env` entry each. */}}
{{- define "flyte-slack.settings" -}}
{{- $labels := list -}}
{{- range $key, $label := .Values.flyte.labels -}}
{{- $labels = append $labels (printf "%s=%s" $key $label) -}}
{{- end -}}
{{- $store := .Values.store.url -}}
{{- if include "flyte-slack.sqlite" . -}}
{{- $store = $store | default "sqlite:////data/flyte-slack.db" -}}
{{- else -}}
{{- $store = "" -}}
{{- end -}}
{{- $settings := list
  (list "FLYTE_API" .Values.flyte.api)
  (list "FLYTE_LABELS" (join "," $labels))
  (list "FLYTE_API_TIMEOUT" .Values.flyte.apiTimeout)
  (list "FLYTE_API_INSECURE" .Values.flyte.apiInsecure)
  (list "PACK_NAME" .Values.flyte.packName)
  (list "SLACK_API_URL" .Values.slack.apiUrl)
  (list "FLYTE_SLACK_MODE" .Values.mode)
  (list "FLYTE_SLACK_STORE" $store)
  (list "FLYTE_SLACK_POLL_INTERVAL" .Values.flyte.pollInterval)
  (list "FLYTE_SLACK_PORT" .Values.port)
  (list "FLYTE_SLACK_HOST" .Values.host)
  (list "FLYTE_SLACK_CONNECTIONS" .Values.slack.connections)
  (list "FLYTE_SLACK_CATCH_UP" .Values.slack.catchUp)
  (list "FLYTE_SLACK_CHANNELS" (join "," .Values.slack.channels))
  (list "FLYTE_SLACK_EVENTS" (join "," .Values.slack.events))
  (list "FLYTE_SLACK_COMMANDS" (join "," .Values.slack.commands))
  (list "FLYTE_SLACK_API_METHODS" (join "," .Values.slack.apiMethods))
  (list "FLYTE_SLACK_FORWARD_BOTS" (join "," .Values.slack.forwardBots))
  (list "FLYTE_SLACK_MENTIONS" .Values.slack.mentions)
  (list "FLYTE_SLACK_CLASSIC" .Values.slack.classic)
  (list "RENEW_CONVERSATION_LIST" .Values.slack.renewConversationList)
  (list "FLYTE_SLACK_ADOPT" .Values.flyte.adopt)
  (list "FLYTE_SLACK_SHUTDOWN_GRACE" .Values.shutdownGrace)
  (list "LOGLEVEL" .Values.logLevel)
  (list "LOG_FORMAT" .Values.logFormat)
-}}
{{- range $settings -}}
{{- $value := index . 1 -}}
{{- /* false and 0 are given, null and "" are not; a whole number is written without an exponent */ -}}
{{- if and (kindIs "float64" $value) (eq (toString $value) (toString (floor $value))) -}}
{{- $value = int64 $value -}}
{{- end -}}
{{- if not (or (kindIs "invalid" $value) (eq (toString $value) "")) }}
- name: {{ index . 0 }}
  value: {{ toString $value | quote }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The template of the pods, the same in a StatefulSet and in a Deployment. */}}
{{- define "flyte-slack.podTemplate" -}}
{{- $jwtSecret := include "flyte-slack.jwtSecret" . -}}
{{- $fullname := include "flyte-slack.fullname" . -}}
{{- $slackSecret := .Values.slack.existingSecret | default $fullname -}}
{{- $slackKeys := dict "botToken" "SLACK_BOT_TOKEN" "appToken" "SLACK_APP_TOKEN" "signingSecret" "SLACK_SIGNING_SECRET" -}}
{{- if .Values.slack.existingSecret -}}
{{- $slackKeys = .Values.slack.existingSecretKeys -}}
{{- end -}}
metadata:
  annotations:
    {{- /* the Flyte token is not in it: the pack reads its file again when it changes */}}
    checksum/secret: {{ include "flyte-slack.secretData" . | sha256sum }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  labels:
    {{- include "flyte-slack.labels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "flyte-slack.serviceAccountName" . }}
  automountServiceAccountToken: false
  {{- /* for a Service named flyte-slack they would set FLYTE_SLACK_PORT to an address */}}
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ add (ceil .Values.shutdownGrace) 15 }}
  securityContext:
    runAsNonRoot: true
    {{- with .Values.runAs.user }}
    runAsUser: {{ int64 . }}
    {{- end }}
    {{- with .Values.runAs.group }}
    runAsGroup: {{ int64 . }}
    {{- end }}
    {{- with .Values.runAs.fsGroup }}
    fsGroup: {{ int64 . }}
    fsGroupChangePolicy: OnRootMismatch
    {{- end }}
    seccompProfile:
      type: RuntimeDefault
  {{- with .Values.image.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  containers:
    - name: flyte-slack
      image: {{ include "flyte-slack.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      {{- /* the image's own directory is for its own user alone, and runAs may name another */}}
      workingDir: /
      args:
        {{- toYaml .Values.args | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: [ALL]
      env:
        {{- include "flyte-slack.settings" . | trim | nindent 8 }}
        - name: SLACK_BOT_TOKEN
          valueFrom:
            secretKeyRef:
              name: {{ $slackSecret }}
              key: {{ $slackKeys.botToken }}
        {{- if eq .Values.mode "http" }}
        - name: SLACK_SIGNING_SECRET
          valueFrom:
            secretKeyRef:
              name: {{ $slackSecret }}
              key: {{ $slackKeys.signingSecret }}
        {{- else }}
        - name: SLACK_APP_TOKEN
          valueFrom:
            secretKeyRef:
              name: {{ $slackSecret }}
              key: {{ $slackKeys.appToken }}
        {{- end }}
        {{- if .Values.store.existingSecret }}
        - name: FLYTE_SLACK_STORE
          valueFrom:
            secretKeyRef:
              name: {{ .Values.store.existingSecret }}
              key: {{ .Values.store.existingSecretKey }}
        {{- else if not (include "flyte-slack.sqlite" .) }}
        - name: FLYTE_SLACK_STORE
          valueFrom:
            secretKeyRef:
              name: {{ $fullname }}
              key: FLYTE_SLACK_STORE
        {{- end }}
        {{- if $jwtSecret }}
        - name: FLYTE_JWT_FILE
          value: /etc/flyte-slack/jwt/token
        {{- end }}
        {{- if .Values.caBundle.configMap }}
        - name: SSL_CERT_FILE
          value: /etc/flyte-slack/ca/ca.crt
        {{- end }}
        {{- with .Values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      ports:
        - name: http
          containerPort: {{ int .Values.port }}
          protocol: TCP
      startupProbe:
        httpGet:
          path: /health/live
          port: http
        periodSeconds: {{ .Values.probes.startup.periodSeconds }}
        timeoutSeconds: {{ .Values.probes.startup.timeoutSeconds }}
        failureThreshold: {{ .Values.probes.startup.failureThreshold }}
      livenessProbe:
        httpGet:
          path: /health/live
          port: http
        periodSeconds: {{ .Values.probes.liveness.periodSeconds }}
        timeoutSeconds: {{ .Values.probes.liveness.timeoutSeconds }}
        failureThreshold: {{ .Values.probes.liveness.failureThreshold }}
      readinessProbe:
        httpGet:
          path: /health/ready
          port: http
        periodSeconds: {{ .Values.probes.readiness.periodSeconds }}
        timeoutSeconds: {{ .Values.probes.readiness.timeoutSeconds }}
        failureThreshold: {{ .Values.probes.readiness.failureThreshold }}
      {{- with .Values.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      volumeMounts:
        - name: tmp
          mountPath: /tmp
        {{- if include "flyte-slack.sqlite" . }}
        - name: data
          mountPath: /data
        {{- end }}
        {{- if $jwtSecret }}
        - name: jwt
          mountPath: /etc/flyte-slack/jwt
          readOnly: true
        {{- end }}
        {{- if .Values.caBundle.configMap }}
        - name: ca
          mountPath: /etc/flyte-slack/ca
          readOnly: true
        {{- end }}
        {{- with .Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: tmp
      emptyDir:
        sizeLimit: 64Mi
    {{- if $jwtSecret }}
    {{- /* a whole directory, as Kubernetes does not update a file that is mounted with subPath */}}
    - name: jwt
      secret:
        secretName: {{ $jwtSecret }}
        defaultMode: 0440
        items:
          - key: {{ ternary "jwt" .Values.flyte.existingSecretKey (not (empty .Values.flyte.jwt)) }}
            path: token
    {{- end }}
    {{- if .Values.caBundle.configMap }}
    - name: ca
      configMap:
        name: {{ .Values.caBundle.configMap }}
        items:
          - key: {{ .Values.caBundle.key }}
            path: ca.crt
    {{- end }}
    {{- with .Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.topologySpreadConstraints }}
  {{- $selector := dict "labelSelector" (dict "matchLabels" (include "flyte-slack.selectorLabels" $ | fromYaml)) }}
  topologySpreadConstraints:
    {{- range . }}
    - {{ toYaml (ternary . (merge (deepCopy .) $selector) (hasKey . "labelSelector")) | nindent 6 | trim }}
    {{- end }}
  {{- end }}
{{- end -}}
