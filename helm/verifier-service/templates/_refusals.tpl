{{/* Values that every schema would let pass, and that make no sense together. */}}
{{- define "verifier.refusals" -}}
{{- $values := .Values -}}
{{- $auth := $values.auth -}}
{{- $resources := $values.resources | default dict -}}
{{- $settings := $values.settings | default dict -}}

{{- if and $auth.enabled (not $auth.existingSecret) (not $auth.keys) -}}
{{- fail (printf "auth.existingSecret is not set: make a Secret of keys with\n  kubectl create secret generic verifier-keys --namespace %s --from-literal=%s=\"$(openssl rand -hex 32)\"\nand give its name with --set auth.existingSecret=verifier-keys; or, where nobody else is in the network, --set auth.enabled=false" .Release.Namespace $auth.secretKey) -}}
{{- end -}}
{{- if and $auth.existingSecret $auth.keys -}}
{{- fail "auth.existingSecret and auth.keys are both set: the keys come from one of them" -}}
{{- end -}}
{{- if and (not $auth.enabled) (or $auth.existingSecret $auth.keys) -}}
{{- fail "auth.enabled is false, but keys are given: enable it, or take them away" -}}
{{- end -}}
{{- if and (not $auth.enabled) (or $values.ingress.enabled $values.httpRoute.enabled (ne $values.service.type "ClusterIP")) -}}
{{- fail "auth.enabled is false and the service is reachable from outside of the cluster (ingress, httpRoute or service.type): give it keys" -}}
{{- end -}}

{{- if lt (include "verifier.workers" . | int64) 1 -}}
{{- fail "workers and resources.requests.cpu are both unset or 0: say with one of them how many scoring processes a pod has" -}}
{{- end -}}
{{- with dig "limits" "memory" "" $resources -}}
{{- $queue := include "verifier.setting" (list $ "queue_bytes" 1073741824) | int64 -}}
{{- if le (include "verifier.bytes" . | int64) $queue -}}
{{- fail (printf "resources.limits.memory is %v, which a full queue alone would take (settings.queue_bytes: %d): raise the one or lower the other" . $queue) -}}
{{- end -}}
{{- end -}}

{{- range $value, $resources := dict "resources" $resources "trainer.resources" ($values.trainer.resources | default dict) -}}
{{- $limit := dig "limits" "memory" "" $resources -}}
{{- $request := dig "requests" "memory" "" $resources -}}
{{- if and $limit $request (gt (include "verifier.bytes" $request | int64) (include "verifier.bytes" $limit | int64)) -}}
{{- fail (printf "%s.requests.memory (%v) is above %s.limits.memory (%v): lower the one or raise the other" $value $request $value $limit) -}}
{{- end -}}
{{- end -}}

{{- $deadline := include "verifier.deadlineSeconds" . | int64 -}}
{{- $drain := include "verifier.setting" (list . "drain_s" 120) | float64 -}}
{{- if gt $deadline (ceil $drain | int64) -}}
{{- fail (printf "settings.drain_s (%v s) is below settings.deadline_max_ms (%d s): a rollout would cut requests off" $drain $deadline) -}}
{{- end -}}
{{- if gt (include "verifier.setting" (list . "deadline_ms" 30000) | int64) (include "verifier.setting" (list . "deadline_max_ms" 120000) | int64) -}}
{{- fail "settings.deadline_ms is above settings.deadline_max_ms" -}}
{{- end -}}
{{- $least := include "verifier.stopSeconds" . | int64 -}}
{{- if le (include "verifier.terminationSeconds" . | int64) $least -}}
{{- fail (printf "terminationGracePeriodSeconds must be more than preStopSleepSeconds, settings.drain_grace_s, settings.drain_s, 30 s for a score log and 2 s for traces together: %d" $least) -}}
{{- end -}}

{{- if and $settings.otel $values.networkPolicy.enabled (not $values.networkPolicy.egress) -}}
{{- fail "settings.otel sends traces, and networkPolicy.egress lets pods reach nothing: let them reach the collector" -}}
{{- end -}}

{{- $kept := include "verifier.setting" (list . "score_log_max_bytes" 1073741824) | int64 -}}
{{- $rotated := include "verifier.setting" (list . "score_log_rotate_bytes" 67108864) | int64 -}}
{{- if lt $kept (mul 2 $rotated) -}}
{{- fail (printf "settings.score_log_max_bytes (%d) is below twice settings.score_log_rotate_bytes (%d)" $kept $rotated) -}}
{{- end -}}

{{- $scaling := $values.autoscaling -}}
{{- if $scaling.enabled -}}
{{- if gt (int64 $scaling.minReplicas) (int64 $scaling.maxReplicas) -}}
{{- fail "autoscaling.minReplicas is above autoscaling.maxReplicas" -}}
{{- end -}}
{{- if not (or $scaling.targetCPUUtilizationPercentage $scaling.queue.enabled) -}}
{{- fail "autoscaling has nothing to go by: set targetCPUUtilizationPercentage or queue.enabled" -}}
{{- end -}}
{{- if and $scaling.targetCPUUtilizationPercentage (not (or (dig "requests" "cpu" "" $resources) (dig "limits" "cpu" "" $resources))) -}}
{{- fail "autoscaling.targetCPUUtilizationPercentage is a share of resources.requests.cpu, which is unset" -}}
{{- end -}}
{{- if and $scaling.queue.enabled (not $values.metrics.enabled) -}}
{{- fail "autoscaling.queue goes by a metric: set metrics.enabled" -}}
{{- end -}}
{{- if and (eq $scaling.engine "keda") $scaling.queue.enabled (not $scaling.queue.prometheusAddress) -}}
{{- fail "autoscaling.queue.prometheusAddress is unset: KEDA asks Prometheus for the queue" -}}
{{- end -}}
{{- end -}}

{{- $budget := $values.podDisruptionBudget -}}
{{- if $budget.enabled -}}
{{- if not (kindIs "invalid" $budget.minAvailable) -}}
{{- if not (kindIs "invalid" $budget.maxUnavailable) -}}
{{- fail "podDisruptionBudget takes minAvailable or maxUnavailable; set the other one to null" -}}
{{- end -}}
{{- $pods := include "verifier.leastPods" . | int64 -}}
{{- /* Kubernetes rounds a percentage up. */ -}}
{{- $share := mulf (trimSuffix "%" (toString $budget.minAvailable) | float64) $pods | ceil -}}
{{- $kept := kindIs "string" $budget.minAvailable | ternary (divf $share 100 | ceil | int64) (int64 $budget.minAvailable) -}}
{{- if ge $kept $pods -}}
{{- fail (printf "podDisruptionBudget.minAvailable (%v) must be below the least number of pods (%s): no node could ever be drained" $budget.minAvailable (include "verifier.leastPods" .)) -}}
{{- end -}}
{{- else if kindIs "invalid" $budget.maxUnavailable -}}
{{- fail "podDisruptionBudget takes minAvailable or maxUnavailable: set one, or podDisruptionBudget.enabled=false" -}}
{{- else if has (toString $budget.maxUnavailable) (list "0" "0%") -}}
{{- fail "podDisruptionBudget.maxUnavailable is 0: no node could ever be drained" -}}
{{- end -}}
{{- end -}}

{{- $metrics := $values.metrics -}}
{{- if and $metrics.serviceMonitor.enabled $metrics.podMonitor.enabled -}}
{{- fail "metrics.serviceMonitor and metrics.podMonitor are both enabled: everything would be counted twice" -}}
{{- end -}}
{{- if and (not $metrics.enabled) (or $metrics.serviceMonitor.enabled $metrics.podMonitor.enabled) -}}
{{- fail "a monitor needs metrics.enabled: without it /metrics asks for a key" -}}
{{- end -}}
{{- range $value, $monitor := dict "serviceMonitor" $metrics.serviceMonitor "podMonitor" $metrics.podMonitor -}}
{{- if and $monitor.enabled (gt (include "verifier.seconds" $monitor.scrapeTimeout | float64) (include "verifier.seconds" $monitor.interval | float64)) -}}
{{- fail (printf "metrics.%s.scrapeTimeout (%s) is above its interval (%s): the operator would leave the monitor out" $value $monitor.scrapeTimeout $monitor.interval) -}}
{{- end -}}
{{- end -}}
{{- if and $metrics.enabled (eq (int64 $metrics.port) 8080) -}}
{{- fail "metrics.port is 8080, where the service listens" -}}
{{- end -}}

{{- if and $values.ingress.enabled (not $values.ingress.hosts) -}}
{{- fail "ingress.enabled needs ingress.hosts" -}}
{{- end -}}
{{- if and $values.httpRoute.enabled (not $values.httpRoute.parentRefs) -}}
{{- fail "httpRoute.enabled needs httpRoute.parentRefs: the gateway that it hangs on" -}}
{{- end -}}

{{- $route := $values.httpRoute -}}
{{- if and $route.enabled $route.timeout -}}
{{- $timeout := include "verifier.seconds" $route.timeout | float64 -}}
{{- /* 0 s is no timeout. */ -}}
{{- if and (gt $timeout 0.0) (lt $timeout (include "verifier.deadlineSeconds" . | float64)) -}}
{{- fail (printf "httpRoute.timeout (%s) is below settings.deadline_max_ms (%s s): leave it empty, or raise it" $route.timeout (include "verifier.deadlineSeconds" .)) -}}
{{- end -}}
{{- end -}}

{{- if and $values.service.nodePort (eq $values.service.type "ClusterIP") -}}
{{- fail "service.nodePort is a port of every node, which service.type ClusterIP opens none of: set NodePort or LoadBalancer" -}}
{{- end -}}

{{- $ours := list "VERIFIER_HOST" "VERIFIER_PORT" "VERIFIER_METRICS_PORT" "VERIFIER_WORKERS" "VERIFIER_API_KEYS_FILE" "VERIFIER_INSECURE" "VERIFIER_TOOLSETS" "VERIFIER_PROFILES" "VERIFIER_SCORE_LOG" "POD_NAME" -}}
{{- include "verifier.variableRefusals" (list "extraEnv" $values.extraEnv $ours) -}}
{{- range $values.extraEnv -}}
{{- if and (hasPrefix "VERIFIER_" .name) (ne .name "VERIFIER_API_KEYS") -}}
{{- fail (printf "extraEnv sets %s past the checks of this chart: set settings.%s" .name (trimPrefix "VERIFIER_" .name | lower)) -}}
{{- end -}}
{{- end -}}
{{- range $kind, $files := dict "toolsets" $values.toolsets.files "profiles" $values.profiles.files -}}
{{- $ending := eq $kind "toolsets" | ternary "[.](py|ya?ml)$" "[.]ya?ml$" -}}
{{- $read := false -}}
{{- range $name, $_ := $files -}}{{- $read = or $read (and (regexMatch $ending $name) (not (hasPrefix "_" $name))) -}}{{- end -}}
{{- if and $files (not $read) -}}
{{- fail (printf "%s.files holds nothing that the service reads: name a file so that it ends in %s" $kind (eq $kind "toolsets" | ternary ".py, .yaml or .yml" ".yaml or .yml")) -}}
{{- end -}}
{{- end -}}
{{- include "verifier.trainerRefusals" . -}}
{{- end }}

{{/* Variables that stand twice. Takes a list: the value's name, its variables and the names that the chart sets. */}}
{{- define "verifier.variableRefusals" -}}
{{- $value := index . 0 -}}
{{- $ours := index . 2 -}}
{{- $seen := dict -}}
{{- range index . 1 -}}
{{- if has .name $ours -}}
{{- fail (printf "%s sets %s, which the chart sets from other values" $value .name) -}}
{{- end -}}
{{- if hasKey $seen .name -}}
{{- fail (printf "%s sets %s twice" $value .name) -}}
{{- end -}}
{{- $_ := set $seen .name true -}}
{{- end -}}
{{- end }}

{{- define "verifier.trainerRefusals" -}}
{{- $trainer := .Values.trainer -}}
{{- if $trainer.enabled -}}
{{- if and $trainer.preset $trainer.config -}}
{{- fail "trainer.preset and trainer.config are both set: a run has one configuration; change single keys of a preset with trainer.overrides" -}}
{{- end -}}
{{- if not (or $trainer.preset $trainer.config) -}}
{{- fail "trainer.enabled needs trainer.preset or trainer.config" -}}
{{- end -}}
{{- if and .Values.auth.enabled (not $trainer.apiKeySecret) (not $trainer.verifierUrl) (eq $trainer.command "grpo") -}}
{{- fail "trainer.apiKeySecret is not set, and the service asks for a key" -}}
{{- end -}}
{{- if and (gt (int64 $trainer.nodes) 1) (not $trainer.workspace.existingClaim) (not (has "ReadWriteMany" $trainer.workspace.accessModes)) -}}
{{- fail "trainer.nodes is more than 1: trainer.workspace.accessModes must hold ReadWriteMany, since all machines read and write there" -}}
{{- end -}}
{{- with dig "limits" "nvidia.com/gpu" "" ($trainer.resources | default dict) -}}
{{- if lt (int64 .) (int64 $trainer.processesPerNode) -}}
{{- fail (printf "trainer.processesPerNode is %v, but a pod has %v GPUs (trainer.resources.limits)" $trainer.processesPerNode .) -}}
{{- end -}}
{{- end -}}
{{- $ours := list "PET_NNODES" "PET_NPROC_PER_NODE" "PET_NODE_RANK" "PET_MASTER_ADDR" "PET_MASTER_PORT" -}}
{{- if $trainer.apiKeySecret -}}{{- $ours = append $ours "VERIFIER_API_KEY" -}}{{- end -}}
{{- include "verifier.variableRefusals" (list "trainer.extraEnv" $trainer.extraEnv $ours) -}}
{{- range $reserved := list "resume" "verifier_url" "verifier-url" -}}
{{- if hasKey ($trainer.overrides | default dict) $reserved -}}
{{- fail (printf "trainer.overrides sets %s, which the chart sets" $reserved) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}
