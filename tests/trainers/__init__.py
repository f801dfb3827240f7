"""The trainers themselves, each in an environment of its own, obtaining rewards from a real service."""
