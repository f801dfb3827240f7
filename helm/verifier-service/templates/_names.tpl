{{/*
The name of the release's objects: at most 32 characters, so that what is put behind it stays below 63. A release may hold
dots and begin with a digit; a Service may not. What is cut or changed ends in a hash, so that no two releases share a name.
*/}}
{{- define "verifier.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $release := regexReplaceAll "^([0-9])" .Release.Name "v${1}" | replace "." "-" -}}
{{- $full := .Values.fullnameOverride | default (contains $name $release | ternary $release (printf "%s-%s" $release $name)) -}}
{{- $changed := and (ne $release .Release.Name) (not .Values.fullnameOverride) -}}
{{- if or $changed (gt (len $full) 32) -}}
{{- printf "%s-%s" (trunc 25 $full | trimSuffix "-") (printf "%s/%s" .Release.Name $full | sha256sum | trunc 6) -}}
{{- else -}}
{{- $full -}}
{{- end -}}
{{- end }}

{{/* What selects pods. Takes a list: the root and the component. */}}
{{- define "verifier.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ default $root.Chart.Name $root.Values.nameOverride | quote }}
app.kubernetes.io/instance: {{ $root.Release.Name | quote }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* The labels of an object or pod. Takes a list: the root and the component. */}}
{{- define "verifier.labels" -}}
{{- $root := index . 0 -}}
{{- $labels := include "verifier.selector" . | fromYaml -}}
{{- $_ := set $labels "app.kubernetes.io/version" ($root.Values.image.tag | default $root.Chart.AppVersion | trunc 63 | trimAll "-_.") -}}
{{- $_ := set $labels "app.kubernetes.io/managed-by" $root.Release.Service -}}
{{- $_ := set $labels "app.kubernetes.io/part-of" $root.Chart.Name -}}
{{- $_ := set $labels "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_") -}}
{{- mergeOverwrite (dict) ($root.Values.commonLabels | default dict) $labels | toYaml -}}
{{- end }}

{{/* The reference of an image. Takes a list: the root and the image's values. */}}
{{- define "verifier.image" -}}
{{- $root := index . 0 -}}
{{- $image := index . 1 -}}
{{- with $image.registry }}{{ trimSuffix "/" . }}/{{ end }}{{ $image.repository -}}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default $root.Chart.AppVersion }}{{ end -}}
{{- end }}

{{- define "verifier.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "verifier.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end }}

{{/* The Secret with the keys of the service. */}}
{{- define "verifier.keysSecret" -}}
{{- default (printf "%s-keys" (include "verifier.fullname" .)) .Values.auth.existingSecret -}}
{{- end }}

{{- define "verifier.url" -}}
http://{{ include "verifier.fullname" . }}:{{ .Values.service.port }}
{{- end }}

{{/* Restricted pod security. Takes a map with runAsUser and runAsGroup; null: the platform chooses, as OpenShift does. */}}
{{- define "verifier.podSecurity" -}}
runAsNonRoot: true
{{- with .runAsUser }}
runAsUser: {{ int64 . }}
{{- end }}
{{- with .runAsGroup }}
runAsGroup: {{ int64 . }}
fsGroup: {{ int64 . }}
fsGroupChangePolicy: OnRootMismatch
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "verifier.containerSecurity" -}}
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
readOnlyRootFilesystem: true
runAsNonRoot: true
{{- end }}
