"""The consumer of the service: GRPO over HTTP. Knows the service by its client alone."""
