"""The version of the distribution, and of every response."""

__version__ = "0.1.0"
