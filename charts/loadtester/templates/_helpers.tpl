{{- define "loadtester.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "loadtester.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "loadtester.gates" -}}
{{- include "loadtester.fullname" . | trunc 57 | trimSuffix "-" }}-gates
{{- end }}

{{- define "loadtester.makesAccount" -}}
{{- if and (or .Values.rbac.create .Values.gates.enabled) (not .Values.serviceAccountName) }}yes{{ end }}
{{- end }}

{{- define "loadtester.serviceAccountName" -}}
{{- if include "loadtester.makesAccount" . }}
{{- include "loadtester.fullname" . }}
{{- else }}
{{- default "default" .Values.serviceAccountName }}
{{- end }}
{{- end }}

{{- /* The Deployment selects by app alone, as it always has: it cannot be changed. All else selects by these. */}}
{{- define "loadtester.selectorLabels" -}}
app: {{ include "loadtester.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "loadtester.labels" -}}
{{ include "loadtester.selectorLabels" . }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/name: {{ include "loadtester.name" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "loadtester.arguments" -}}
{{- $arguments := list "-port=8080"
  (printf "-log-level=%s" .Values.logLevel)
  (printf "-timeout=%s" .Values.cmd.timeout)
  (printf "-namespace-regexp=%s" .Values.cmd.namespaceRegexp) }}
{{- with .Values.cmd.maxTasks }}
{{- $arguments = append $arguments (printf "-max-tasks=%d" (int64 .)) }}
{{- end }}
{{- if .Values.token.secretName }}
{{- $arguments = append $arguments (printf "-token-file=/etc/loadtester/%s" .Values.token.key) }}
{{- end }}
{{- if .Values.gates.enabled }}
{{- $arguments = append $arguments (printf "-gates-configmap=%s/%s" .Release.Namespace (include "loadtester.gates" .)) }}
{{- end }}
{{- toYaml $arguments }}
{{- end }}
