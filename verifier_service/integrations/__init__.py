"""Callables for trainers that have no HTTP reward client: one module a trainer.

Each is named in the trainer's configuration and needs no code. None imports its trainer before it
is used, and all speak to the service that the environment names: see `connection`.
"""
