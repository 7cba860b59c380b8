"""The web server of both modes: waitress, made fit for a world that means harm.

`server` reads and writes all connections in one thread and lets others answer, `connections` says
what one connection may do, `patience` for how long, `parsing` reads requests and `refusals` says
in the API's words what is refused. `supervisor` runs several such servers on one address.
"""
