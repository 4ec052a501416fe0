{{- define "flagger.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "flagger.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "flagger.prometheus" -}}
{{- include "flagger.fullname" . | trunc 52 | trimSuffix "-" }}-prometheus
{{- end }}

{{- define "flagger.serviceAccountName" -}}
{{- default (ternary (include "flagger.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name }}
{{- end }}

{{- define "flagger.selectorLabels" -}}
app.kubernetes.io/name: {{ include "flagger.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "flagger.releaseLabels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "flagger.labels" -}}
{{ include "flagger.releaseLabels" . }}
{{ include "flagger.selectorLabels" . }}
{{- end }}

{{- /* Where the lease is: the operator takes the namespace that it watches, if it is only one. */}}
{{- define "flagger.leaseNamespace" -}}
{{- default .Release.Namespace .Values.namespace }}
{{- end }}

{{- /* The command line. The addresses of chats and hooks are not on it: they are secrets. */}}
{{- define "flagger.arguments" -}}
{{- $server := .Values.metricsServer }}
{{- if .Values.prometheus.install }}
{{- $server = printf "http://%s:9090" (include "flagger.prometheus" .) }}
{{- end }}
{{- $arguments := list (printf "-log-level=%s" .Values.logLevel) (printf "-metrics-server=%s" $server) }}
{{- $arguments = append $arguments (printf "-enable-config-tracking=%t" .Values.configTracking.enabled) }}
{{- range $flag, $value := dict
  "cluster-name" .Values.clusterName
  "drain-period" .Values.drainPeriod
  "include-label-prefix" .Values.includeLabelPrefix
  "ingress-annotations-prefix" .Values.ingressAnnotationsPrefix
  "ingress-class" .Values.ingressClass
  "mesh-provider" .Values.meshProvider
  "namespace" .Values.namespace
  "selector-labels" .Values.selectorLabels
  "settle-period" .Values.settlePeriod
  "slack-channel" .Values.slack.channel
  "slack-user" .Values.slack.user }}
{{- if $value }}
{{- $arguments = append $arguments (printf "-%s=%s" $flag $value) }}
{{- end }}
{{- end }}
{{- range $flag, $value := dict
  "kubeconfig-burst" .Values.kubeconfigBurst
  "kubeconfig-qps" .Values.kubeconfigQPS
  "threadiness" .Values.threadiness }}
{{- if $value }}
{{- $arguments = append $arguments (printf "-%s=%d" $flag (int64 $value)) }}
{{- end }}
{{- end }}
{{- if .Values.noCrossNamespaceRefs }}
{{- $arguments = append $arguments "-no-cross-namespace-refs=true" }}
{{- end }}
{{- if .Values.leaderElection.enabled }}
{{- $arguments = append $arguments "-enable-leader-election=true" }}
{{- $arguments = append $arguments (printf "-leader-election-namespace=%s" .Release.Namespace) }}
{{- end }}
{{- with .Values.controlplane.kubeconfig }}
{{- if .secretName }}
{{- $arguments = append $arguments (printf "-kubeconfig-service-mesh=/tmp/controlplane/%s" .key) }}
{{- end }}
{{- end }}
{{- toYaml $arguments }}
{{- end }}

{{- /* The addresses that go through the Secret, by environment variable; those that env sets are left to it. */}}
{{- define "flagger.addresses" -}}
{{- $set := list }}
{{- range .Values.env }}
{{- $set = append $set .name }}
{{- end }}
{{- range $variable, $address := dict
  "EVENT_WEBHOOK_URL" .Values.eventWebhook
  "MSTEAMS_PROXY_URL" (include "flagger.proxy" .Values.msteams)
  "MSTEAMS_URL" .Values.msteams.url
  "SLACK_PROXY_URL" (include "flagger.proxy" .Values.slack)
  "SLACK_URL" .Values.slack.url }}
{{- if and $address (not (has $variable $set)) }}
{{ $variable }}: {{ $address | quote }}
{{- end }}
{{- end }}
{{- end }}

{{- /* All three spellings are in use. */}}
{{- define "flagger.proxy" -}}
{{- default (get . "proxy-url") (default .proxyUrl .proxy) }}
{{- end }}

{{- /* What the operator may do: leases in the namespace of the election alone, and the rest. */}}
{{- define "flagger.rules" -}}
{{- $leases := list }}
{{- $rest := list }}
{{- range (.Files.Get "files/role.yaml" | fromYaml).rules }}
{{- if has "coordination.k8s.io" .apiGroups }}
{{- $leases = append $leases . }}
{{- else }}
{{- $rest = append $rest . }}
{{- end }}
{{- end }}
{{- toYaml (dict "leases" $leases "rest" $rest) }}
{{- end }}
