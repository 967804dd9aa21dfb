#!/bin/sh
# Runs once, when the postgres container finds an empty volume: a database and two roles per service.
# Names and passwords are those of the services' own addresses, so that they cannot differ.
set -eu

# part SERVICE KIND EXPRESSION: something of postgresql://role:password@host:port/database
part() {
    sed -n "s|^postgresql://\([^:]*\):\([^@]*\)@[^/]*/\(.*\)\$|\\$3|p" "/run/secrets/$1_$2"
}

for service in accounts workers billing notifications; do
    # Through the environment and psql's own \getenv instead of -v: a command line can be read by every process.
    OWNER_PASSWORD=$(part $service database_owner_url 2) APP_PASSWORD=$(part $service database_url 2) \
        psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres \
        --set database="$(part $service database_url 3)" \
        --set owner="$(part $service database_owner_url 1)" \
        --set app="$(part $service database_url 1)" <<'SQL'
\getenv owner_password OWNER_PASSWORD
\getenv app_password APP_PASSWORD
\include /docker-entrypoint-initdb.d/service.psql
SQL
done
