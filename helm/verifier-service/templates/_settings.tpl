{{/*
A number as people write it: Helm reads every number as a float, and 1073741824 would come out as 1.073741824e+09. YAML 1.1
takes 5e-06 for a text, and 5.0e-06 for a number.
*/}}
{{- define "verifier.number" -}}
{{- $number := float64 . -}}
{{- if eq (floor $number) $number -}}{{- printf "%.0f" $number -}}{{- else -}}{{- regexReplaceAll "^(-?[0-9]+)e" (toString .) "${1}.0e" -}}{{- end -}}
{{- end }}

{{/* A value on one line of YAML, its numbers at whatever depth as people write them. */}}
{{- define "verifier.flow" -}}
{{- $parts := list -}}
{{- if kindIs "map" . -}}
{{- range $key, $value := . -}}{{- $parts = append $parts (printf "%s: %s" (toJson $key) (include "verifier.flow" $value)) -}}{{- end -}}
{ {{- join ", " $parts -}} }
{{- else if kindIs "slice" . -}}
{{- range . -}}{{- $parts = append $parts (include "verifier.flow" .) -}}{{- end -}}
[ {{- join ", " $parts -}} ]
{{- else if kindIs "float64" . -}}
{{- include "verifier.number" . -}}
{{- else -}}
{{- toJson . -}}
{{- end -}}
{{- end }}

{{/* `settings` as environment variables of the service. */}}
{{- define "verifier.environment" -}}
{{- range $name, $value := .Values.settings }}
{{- $text := toString $value -}}
{{- if kindIs "map" $value -}}
{{- $pairs := list -}}
{{- range $key, $number := $value -}}{{- $pairs = append $pairs (printf "%s=%s" $key (include "verifier.number" $number)) -}}{{- end -}}
{{- $text = join "," $pairs -}}
{{- else if kindIs "slice" $value -}}
{{- /* A pattern may hold a comma. */ -}}
{{- $text = join (eq $name "score_log_mask_patterns" | ternary "\n" ",") $value -}}
{{- else if not (or (kindIs "string" $value) (kindIs "bool" $value)) -}}
{{- $text = include "verifier.number" $value -}}
{{- end }}
VERIFIER_{{ upper $name }}: {{ $text | quote }}
{{- end }}
{{- end }}

{{/* A setting as a number, or the service's own default. Takes a list: the root, the name and the default. */}}
{{- define "verifier.setting" -}}
{{- $settings := (index . 0).Values.settings | default dict -}}
{{- $name := index . 1 -}}
{{- if hasKey $settings $name -}}{{- include "verifier.number" (get $settings $name) -}}{{- else -}}{{- index . 2 -}}{{- end -}}
{{- end }}

{{/* The longest that a request may run, in whole seconds. */}}
{{- define "verifier.deadlineSeconds" -}}
{{- divf (include "verifier.setting" (list . "deadline_max_ms" 120000)) 1000 | ceil | int64 -}}
{{- end }}

{{/* What a pod needs from its removal to its end: the drain, then 30 s for the score log's last lines and 2 s for the last traces. */}}
{{- define "verifier.stopSeconds" -}}
{{- $drain := addf (include "verifier.setting" (list . "drain_grace_s" 0)) (include "verifier.setting" (list . "drain_s" 120)) | ceil | int64 -}}
{{- $log := .Values.scoreLog.enabled | ternary 30 0 -}}
{{- $traces := empty (.Values.settings | default dict).otel | ternary 0 2 -}}
{{- add .Values.preStopSleepSeconds $drain $log $traces -}}
{{- end }}
{{- define "verifier.terminationSeconds" -}}
{{- $least := include "verifier.stopSeconds" . | int64 -}}
{{- if kindIs "invalid" .Values.terminationGracePeriodSeconds -}}{{- add $least 10 -}}{{- else -}}{{- int64 .Values.terminationGracePeriodSeconds -}}{{- end -}}
{{- end }}

{{/* Scoring processes of a pod: a CPU of the request each, if their number is not said. */}}
{{- define "verifier.workers" -}}
{{- $cpu := dig "requests" "cpu" (dig "limits" "cpu" "0" (.Values.resources | default dict)) (.Values.resources | default dict) | toString -}}
{{- $cores := hasSuffix "m" $cpu | ternary (divf (trimSuffix "m" $cpu | float64) 1000) (float64 $cpu) -}}
{{- .Values.workers | default (ceil $cores) | int64 -}}
{{- end }}

{{/* Seconds of a duration such as 1m30s. */}}
{{- define "verifier.seconds" -}}
{{- $seconds := 0.0 -}}
{{- range regexFindAll "[0-9]+[a-z]+" . -1 -}}
{{- $unit := regexFind "[a-z]+" . -}}
{{- $seconds = addf $seconds (mulf (trimSuffix $unit . | float64) (get (dict "ms" 1e-3 "s" 1 "m" 60 "h" 3600) $unit)) -}}
{{- end -}}
{{- $seconds -}}
{{- end }}

{{/* Pods that are there at least, without autoscaling or with it. */}}
{{- define "verifier.leastPods" -}}
{{- .Values.autoscaling.enabled | ternary .Values.autoscaling.minReplicas .Values.replicaCount | int64 -}}
{{- end }}

{{/* Bytes of a quantity such as 512Mi or 2G. */}}
{{- define "verifier.bytes" -}}
{{- $quantity := toString . -}}
{{- $thousands := dict "m" 1e-3 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "E" 1e18 -}}
{{- $binary := dict "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 "Pi" 1125899906842624 "Ei" 1152921504606846976 -}}
{{- $unit := regexFind "[A-Za-z]+$" $quantity -}}
{{- mulf (trimSuffix $unit $quantity | float64) (get (merge $thousands $binary) $unit | default 1) | int64 -}}
{{- end }}

{{/* MiB that a pod may come to take. Source: docs/deploy.md, Sizing. */}}
{{- define "verifier.memoryMebibytes" -}}
{{- $body := include "verifier.setting" (list . "max_body_bytes" 67108864) | float64 -}}
{{- $queue := include "verifier.setting" (list . "queue_bytes" 1073741824) | float64 -}}
{{- $remembered := mulf 0.375 (include "verifier.setting" (list . "worker_memory_bytes" 1073741824)) -}}
{{- $worker := addf (mulf 40 1048576) $remembered (mulf 6 $body) -}}
{{- $log := .Values.scoreLog.enabled | ternary (include "verifier.setting" (list . "score_log_queue_bytes" 67108864) | float64 | addf (mulf 45 1048576)) 0 -}}
{{- divf (addf (mulf 128 1048576) (mulf (include "verifier.workers" .) $worker) $queue $log) 1048576 | ceil | int64 -}}
{{- end }}

{{/* Where toolsets or profiles are mounted, as a path of folders. Takes a list: the values and the folder. */}}
{{- define "verifier.folders" -}}
{{- $files := index . 0 -}}
{{- $folder := index . 1 -}}
{{- $folders := list -}}
{{- /* No ConfigMap can have this name. */ -}}
{{- if $files.files }}{{- $folders = append $folders (printf "%s/_files" $folder) -}}{{- end -}}
{{- range $files.existingConfigMaps }}{{- $folders = append $folders (printf "%s/%s" $folder .) -}}{{- end -}}
{{- join ":" $folders -}}
{{- end }}
