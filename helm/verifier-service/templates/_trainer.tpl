{{/*
The name of the run. A Job cannot be changed: what makes another one, be it other values or another chart, makes another
name, and the new Job resumes from the same workspace.
*/}}
{{- define "verifier.trainer" -}}
{{- $trainer := .Values.trainer -}}
{{- $made := list (include "verifier.trainerJob" (list . "run")) $trainer.config $trainer.engine $trainer.backoffLimit -}}
{{- printf "%s-trainer-%s" (include "verifier.fullname" .) (toJson $made | sha256sum | trunc 6) -}}
{{- end }}

{{/*
The first machine's host name, which all processes meet at. One machine alone has no Service that would know its name.
Takes a list: the root and the run's name.
*/}}
{{- define "verifier.trainerHost" -}}
{{- $trainer := (index . 0).Values.trainer -}}
{{- $name := index . 1 -}}
{{- if eq (int64 $trainer.nodes) 1 -}}
localhost
{{- else -}}
{{- eq $trainer.engine "JobSet" | ternary (printf "%s-node-0-0" $name) (printf "%s-0" $name) -}}.{{ $name }}
{{- end -}}
{{- end }}

{{- define "verifier.trainerWorkspace" -}}
{{- default (printf "%s-workspace" (include "verifier.fullname" .)) .Values.trainer.workspace.existingClaim -}}
{{- end }}

{{/*
The command: by accelerate where it has a configuration, else by torchrun where there is more than one process. Alone, the
trainer's own exit codes reach the Job. Takes a list: the root and the run's name.
*/}}
{{- define "verifier.trainerCommand" -}}
{{- $host := include "verifier.trainerHost" . -}}
{{- with index . 0 -}}
{{- $trainer := .Values.trainer -}}
{{- $processes := mul $trainer.nodes $trainer.processesPerNode -}}
{{- $command := list "trainer" -}}
{{- if $trainer.accelerate -}}
{{- $file := contains "/" $trainer.accelerate | ternary $trainer.accelerate (printf "/opt/trainer/configs/accelerate/%s.yaml" $trainer.accelerate) -}}
{{- $machines := list "--num_machines" (toString $trainer.nodes) "--num_processes" (toString $processes) "--machine_rank" "$(PET_NODE_RANK)" -}}
{{- $meeting := list "--main_process_ip" $host "--main_process_port" (toString $trainer.masterPort) -}}
{{- $command = concat (list "accelerate" "launch" "--config_file" $file) $machines $meeting (list "-m" "trainer") -}}
{{- else if gt $processes 1 -}}
{{- $command = list "python" "-m" "torch.distributed.run" "-m" "trainer" -}}
{{- end -}}
{{- $command = concat $command (list $trainer.command ($trainer.preset | default (printf "/etc/trainer/%s.yaml" $trainer.command))) -}}
{{- if eq $trainer.command "grpo" -}}
{{- $command = concat $command (list "--verifier_url" ($trainer.verifierUrl | default (include "verifier.url" .)) "--resume" "true") -}}
{{- /* The service may be starting too: its image has to be pulled. */ -}}
{{- if not (hasKey ($trainer.overrides | default dict) "verifier_wait_s") -}}{{- $command = concat $command (list "--verifier_wait_s" "600") -}}{{- end -}}
{{- end -}}
{{- range $name, $value := $trainer.overrides -}}
{{- $text := toString $value -}}
{{- if kindIs "float64" $value -}}{{- $text = include "verifier.number" $value -}}{{- else if not (kindIs "string" $value) -}}{{- $text = toJson $value -}}{{- end -}}
{{- $command = concat $command (list (printf "--%s" $name) $text) -}}
{{- end -}}
{{- toYaml $command -}}
{{- end -}}
{{- end }}

{{/*
The specification of the indexed Job: of the Job itself, or of the one that a JobSet makes. That one fails with its first
pod, whatever the cause, so that all machines begin again together. Takes a list: the root and the run's name.
*/}}
{{- define "verifier.trainerJob" -}}
{{- $run := index . 1 -}}
{{- with index . 0 -}}
{{- $trainer := .Values.trainer -}}
completionMode: Indexed
completions: {{ int64 $trainer.nodes }}
parallelism: {{ int64 $trainer.nodes }}
backoffLimit: {{ eq $trainer.engine "JobSet" | ternary 0 (int64 $trainer.backoffLimit) }}
{{- if not (kindIs "invalid" $trainer.activeDeadlineSeconds) }}
activeDeadlineSeconds: {{ int64 $trainer.activeDeadlineSeconds }}
{{- end }}
{{- if eq $trainer.engine "Job" }}
podFailurePolicy:
  rules:
    # A node that is drained or taken away is nobody's failure.
    - action: Ignore
      onPodConditions:
        - type: DisruptionTarget
          status: "True"
    # Wrong usage or data: trying again will not help.
    - action: FailJob
      onExitCodes:
        containerName: trainer
        operator: In
        values: [2]
{{- end }}
template:
  metadata:
    labels:
      {{- $own := include "verifier.selector" (list . "trainer") | fromYaml }}
      {{- mergeOverwrite (dict) (.Values.commonLabels | default dict) ($trainer.podLabels | default dict) $own | toYaml | nindent 6 }}
    {{- with $trainer.podAnnotations }}
    annotations:
      {{- toYaml . | nindent 6 }}
    {{- end }}
  spec:
    restartPolicy: Never
    subdomain: {{ $run }}
    serviceAccountName: {{ include "verifier.serviceAccount" . | quote }}
    automountServiceAccountToken: false
    enableServiceLinks: false
    terminationGracePeriodSeconds: {{ int64 $trainer.terminationGracePeriodSeconds }}
    {{- with .Values.image.pullSecrets }}
    imagePullSecrets:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    securityContext:
      {{- include "verifier.podSecurity" $trainer | nindent 6 }}
    {{- with $trainer.initContainers }}
    initContainers:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    containers:
      - name: trainer
        image: {{ include "verifier.image" (list . $trainer.image) | quote }}
        imagePullPolicy: {{ $trainer.image.pullPolicy }}
        workingDir: /workspace
        command:
          {{- include "verifier.trainerCommand" (list . $run) | nindent 10 }}
        securityContext:
          {{- include "verifier.containerSecurity" . | nindent 10 }}
        env:
          {{- $given := list }}
          {{- range $trainer.extraEnv }}{{ $given = append $given .name }}{{ end }}
          {{- /* torchrun kills its processes 30 s after SIGTERM, whatever time the pod has, unless it is told otherwise. */}}
          {{- $patience := max 1 (sub (int64 $trainer.terminationGracePeriodSeconds) 15) | toString }}
          {{- range $name, $value := dict "HOME" "/tmp" "HF_HOME" "/workspace/.cache/huggingface" "TORCH_ELASTIC_SHUTDOWN_TIMEOUT" $patience }}
          {{- if not (has $name $given) }}
          - name: {{ $name }}
            value: {{ $value | quote }}
          {{- end }}
          {{- end }}
          # What torchrun reads for --nnodes, --nproc-per-node, --node-rank, --master-addr and --master-port.
          - name: PET_NNODES
            value: {{ int64 $trainer.nodes | quote }}
          - name: PET_NPROC_PER_NODE
            value: {{ int64 $trainer.processesPerNode | quote }}
          - name: PET_NODE_RANK
            valueFrom:
              fieldRef:
                fieldPath: metadata.annotations['batch.kubernetes.io/job-completion-index']
          - name: PET_MASTER_ADDR
            value: {{ include "verifier.trainerHost" (list . $run) }}
          - name: PET_MASTER_PORT
            value: {{ int64 $trainer.masterPort | quote }}
          {{- with $trainer.apiKeySecret }}
          - name: VERIFIER_API_KEY
            valueFrom:
              secretKeyRef:
                name: {{ quote . }}
                key: {{ $trainer.apiKeySecretKey | quote }}
          {{- end }}
          {{- with $trainer.extraEnv }}
          {{- toYaml . | nindent 10 }}
          {{- end }}
        {{- with $trainer.extraEnvFrom }}
        envFrom:
          {{- toYaml . | nindent 10 }}
        {{- end }}
        {{- if gt (int64 $trainer.nodes) 1 }}
        ports:
          - name: rendezvous
            containerPort: {{ int64 $trainer.masterPort }}
            protocol: TCP
        {{- end }}
        {{- with $trainer.resources }}
        resources:
          {{- toYaml . | nindent 10 }}
        {{- end }}
        volumeMounts:
          - name: workspace
            mountPath: /workspace
          - name: tmp
            mountPath: /tmp
          - name: shm
            mountPath: /dev/shm
          {{- if $trainer.config }}
          - name: config
            mountPath: /etc/trainer
            readOnly: true
          {{- end }}
          {{- with $trainer.extraVolumeMounts }}
          {{- toYaml . | nindent 10 }}
          {{- end }}
    volumes:
      - name: workspace
        persistentVolumeClaim:
          claimName: {{ include "verifier.trainerWorkspace" . | quote }}
      - name: tmp
        emptyDir: {}
      - name: shm
        emptyDir:
          medium: Memory
          sizeLimit: {{ $trainer.shmSize }}
      {{- if $trainer.config }}
      - name: config
        configMap:
          name: {{ $run }}
      {{- end }}
      {{- with $trainer.extraVolumes }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    {{- with $trainer.nodeSelector }}
    nodeSelector:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with $trainer.tolerations }}
    tolerations:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with $trainer.affinity }}
    affinity:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with $trainer.priorityClassName }}
    priorityClassName: {{ quote . }}
    {{- end }}
    {{- with $trainer.runtimeClassName }}
    runtimeClassName: {{ quote . }}
    {{- end }}
{{- end -}}
{{- end }}
