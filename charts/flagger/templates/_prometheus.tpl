{{- define "flagger.prometheusSelector" -}}
app.kubernetes.io/name: {{ include "flagger.prometheus" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "flagger.prometheusLabels" -}}
{{ include "flagger.releaseLabels" . }}
{{ include "flagger.prometheusSelector" . }}
{{- end }}

{{- /* Where the pods are that it reads, if the operator watches one namespace: there, and beside the operator, where the
ingress controller often is. */}}
{{- define "flagger.prometheusNamespaces" -}}
{{- list .Values.namespace .Release.Namespace | uniq | toYaml }}
{{- end }}
