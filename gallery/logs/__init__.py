"""The log: lines of text or JSON, whom they are about, and the access log."""
