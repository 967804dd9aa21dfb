-- One service's database with its two roles. The only source of it: docker compose's
-- init.sh feeds it to psql, the tests (tests/servers/databases.py) to psycopg2, and an
-- operator with a server of their own runs it once per service:
--   psql -v database=accounts -v owner=accounts_owner -v owner_password=... \
--        -v app=accounts_app -v app_password=... -f service.sql
-- Keep to plain statements that end with a semicolon at the end of a line.

-- The owner holds the tables and is used by migrations only.
CREATE ROLE :"owner" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOREPLICATION
    PASSWORD :'owner_password';

-- The service itself signs in as this role. It owns nothing and cannot bypass row-level
-- security, so that even a query that forgets its company finds no other company's row.
CREATE ROLE :"app" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOREPLICATION NOINHERIT
    PASSWORD :'app_password';

-- From template0, which fits every encoding; a server whose own default is another one would refuse UTF8.
CREATE DATABASE :"database" OWNER :"owner" TEMPLATE template0 ENCODING 'UTF8';

-- Without this every role of the server could connect to every service's database.
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"database" TO :"app";

\connect :"database"

REVOKE ALL ON SCHEMA public FROM PUBLIC;
ALTER SCHEMA public OWNER TO :"owner";
GRANT USAGE ON SCHEMA public TO :"app";

-- For every table and sequence that a migration makes from now on.
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO :"app";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public
    GRANT USAGE, SELECT ON SEQUENCES TO :"app";
