{{- define "ml-assets.labels" -}}
app.kubernetes.io/name: ml-assets
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "ml-assets.image" -}}
{{ .Values.site.image.repository }}:{{ .Values.site.image.tag }}
{{- end }}
