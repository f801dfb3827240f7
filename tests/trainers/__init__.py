"""The trainers themselves, each in its own environment, obtaining rewards from a real service."""
