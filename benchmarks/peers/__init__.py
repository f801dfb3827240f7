"""What others do with the same completions, each in an environment of its own.

None of them does the same: every module says what its scorer checks.
"""
