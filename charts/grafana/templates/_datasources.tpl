{{- /* Grafana puts the token in from its environment. */}}
{{- define "grafana.datasources" -}}
apiVersion: 1
datasources:
  - name: prometheus
    uid: prometheus
    type: prometheus
    access: proxy
    url: {{ .Values.url | quote }}
    isDefault: true
    editable: false
    {{- if .Values.token }}
    jsonData:
      httpHeaderName1: Authorization
    secureJsonData:
      httpHeaderValue1: Bearer $PROMETHEUS_TOKEN
    {{- end }}
{{- end }}
