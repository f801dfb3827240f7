"""The score log: every verdict with its task and what it was judged by, in files that stay bounded.

The front hands over what it received and what it answered, as bytes; a process of its own decodes,
masks and writes. Scoring never waits for it: what cannot be kept is dropped and counted.
`docs/score-log.md` describes the files.
"""
