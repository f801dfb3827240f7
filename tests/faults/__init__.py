"""Faults and load against a really running service: what every completion gets all the same.

`make test` runs the short form, `make test-faults` the whole. Figures: `docs/reliability.md`.
"""
