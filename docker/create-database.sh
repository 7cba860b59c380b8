#!/bin/sh
# Run once by the Postgres image on an empty volume: the gallery gets an account of its own, which
# owns its database and nothing else.
set -eu
psql --username "$POSTGRES_USER" --no-psqlrc --quiet --set ON_ERROR_STOP=1 \
	--set password="$DATABASE_PASSWORD" <<'END'
CREATE ROLE scry LOGIN PASSWORD :'password';
CREATE DATABASE scry OWNER scry ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE scry FROM PUBLIC;
END
