"""Chinese: digits in groups of three, as programs write them."""

THOUSAND_SEPARATOR = ","
NUMBER_GROUPING = 3
