"""Spanish: the separator that browsers write too."""

THOUSAND_SEPARATOR = "."
