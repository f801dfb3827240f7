"""The shipped toolsets, one file per domain; each is an example of a toolset file too."""
