"""Made-up input: requests as the OpenAPI description allows and forbids, and texts for parsers.

`python -m tests.fuzz` says more of the requests, `tests.fuzz.parsers` of the parsers. `hooks` and
`stock` run in the environment of Schemathesis, which has neither Django nor Pillow.
"""
