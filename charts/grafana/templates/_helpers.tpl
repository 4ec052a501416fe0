{{- define "grafana.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- /* What the objects beside the Deployment are called: dashboards, datasources, providers. */}}
{{- define "grafana.partName" -}}
{{- include "grafana.fullname" .root | trunc 51 | trimSuffix "-" }}-{{ .part }}
{{- end }}

{{- define "grafana.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "grafana.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{ include "grafana.selectorLabels" . }}
{{- end }}

{{- define "grafana.securityContext" -}}
allowPrivilegeEscalation: false
capabilities:
  drop:
    - ALL
readOnlyRootFilesystem: true
runAsNonRoot: true
runAsUser: 472
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- /* What is nobody else's business, by environment variable. */}}
{{- define "grafana.secrets" -}}
{{- with .Values.password }}
GF_SECURITY_ADMIN_PASSWORD: {{ . | quote }}
{{- end }}
{{- with .Values.token }}
PROMETHEUS_TOKEN: {{ . | quote }}
{{- end }}
{{- end }}

{{- /* Who may do what. Grafana has a well-known password of its own, so without one of ours nobody logs in. */}}
{{- define "grafana.access" -}}
{{- if .Values.password }}
GF_SECURITY_ADMIN_USER: {{ .Values.user | quote }}
{{- else }}
GF_AUTH_ANONYMOUS_ENABLED: "true"
GF_AUTH_ANONYMOUS_ORG_ROLE: Viewer
GF_AUTH_BASIC_ENABLED: "false"
GF_AUTH_DISABLE_LOGIN: "true"
GF_AUTH_DISABLE_LOGIN_FORM: "true"
{{- end }}
{{- end }}
