# A scratch PostgreSQL from Debian's binaries, as durable as the real one. Sourced by deploy/local.
# shellcheck shell=bash

postgres_user=postgres

# PostgreSQL refuses to run as root, and in a folder that it cannot read.
as_postgres() (
    cd /
    if [[ $(id -u) -eq 0 ]]; then
        exec setpriv --reuid "$postgres_user" --regid "$postgres_user" --init-groups -- "$@"
    else
        exec "$@"
    fi
)

postgres_bin() { # PROGRAM
    local path
    for path in $(printf '%s\n' /usr/lib/postgresql/*/bin/"$1" | sort -rV) "$(pg_config --bindir 2>/dev/null)/$1"; do
        [[ -x $path ]] && { echo "$path"; return; }
    done
    fail "PostgreSQL's $1 is not installed: run deploy/packages run"
}

# The data folder. As root it belongs to another user, who may not be able to reach this one (a checkout under
# /root): then it lies elsewhere and .local/postgres is a link to it, to be followed here and not by PostgreSQL.
postgres_data() { realpath -m "$dir/postgres/data"; }

postgres_make_folder() {
    mkdir -p "$dir"
    if [[ $(id -u) -ne 0 ]]; then
        mkdir -p "$dir/postgres"
    elif as_postgres test -x "$dir"; then
        install -d -o "$postgres_user" -g "$postgres_user" "$dir/postgres"
    else
        local elsewhere
        elsewhere=$(mktemp -d /var/lib/declared-local.XXXXXX)
        chown "$postgres_user:" "$elsewhere"
        ln -sfn "$elsewhere" "$dir/postgres"
    fi
}

postgres_remove_folder() {
    local folder
    folder=$(readlink -f "$dir/postgres" 2>/dev/null) || return 0
    if [[ -L $dir/postgres && $folder != /var/lib/declared-local.* ]]; then
        fail "$dir/postgres points to $folder, which is not ours to delete"
    fi
    rm -rf "$folder" "$dir/postgres"
}

random_password() { od -An -tx1 -N16 /dev/urandom | tr -d ' \n'; }

postgres_init() {
    local initdb data secret
    initdb=$(postgres_bin initdb)
    postgres_remove_folder
    postgres_make_folder
    data=$(postgres_data)
    secret=${data%/*}/password
    random_password >"$run/postgres.password"
    install -m 600 "$run/postgres.password" "$secret"
    [[ $(id -u) -ne 0 ]] || chown "$postgres_user" "$secret"
    as_postgres "$initdb" --pgdata "$data" --username postgres --pwfile "$secret" \
        --auth scram-sha-256 --data-checksums --encoding UTF8 --locale C.UTF-8 --no-instructions >>"$log/postgres.log" 2>&1 </dev/null ||
        fail "initdb failed; see $log/postgres.log"
    rm -f "$secret"
    as_postgres tee -a "$data/postgresql.conf" >/dev/null <<'CONF'

listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
fsync = on
synchronous_commit = on
full_page_writes = on
max_wal_size = 4GB
shared_buffers = 256MB
log_line_prefix = '%m [%p] %q%u@%d '
CONF
}

postgres_uri() { echo "postgresql://declared:$(<"$run/declared.password")@127.0.0.1:$(<"$run/postgres.port")/declared"; }

# Statements on standard input, as the superuser; no password on a command line.
postgres_sql() {
    PGPASSWORD=$(<"$run/postgres.password") psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 \
        --host 127.0.0.1 --port "$(<"$run/postgres.port")" --username postgres postgres >>"$log/postgres.log" 2>&1
}

# The login that owns the schema, and its database. A second time nothing changes.
postgres_make_database() {
    [[ -s $run/declared.password ]] || random_password >"$run/declared.password"
    postgres_sql <<SQL || fail "could not make the database; see $log/postgres.log"
SELECT 'CREATE ROLE declared LOGIN CREATEROLE CREATEDB'
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'declared') \\gexec
ALTER ROLE declared PASSWORD '$(<"$run/declared.password")';
SELECT 'CREATE DATABASE declared OWNER declared'
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'declared') \\gexec
SQL
}

# The postmaster of our data folder, even if it was started and never written down.
postgres_find() {
    local pid data
    data=$(postgres_data)
    read -r pid 2>/dev/null <"$data/postmaster.pid" || return 1
    [[ $(readlink "/proc/$pid/cwd") == "$data" ]] && process_start "$pid" >/dev/null && echo "$pid"
}

# Backends outlive a killed postmaster for a moment, and a new one must not start before they are gone. All of
# them work in the data folder.
postgres_has_processes() {
    local data cwd
    data=$(postgres_data)
    while read -r cwd; do
        [[ $(cat "${cwd%cwd}comm" 2>/dev/null) == postgres* ]] && return 0
    done < <(find /proc -maxdepth 2 -name cwd -lname "$data" 2>/dev/null)
    return 1
}

postgres_start() {
    local pid port pg_ctl data
    if pid=$(postgres_find); then
        remember_process postgres "$pid"
        say "PostgreSQL runs already on 127.0.0.1:$(<"$run/postgres.port")"
        return
    fi
    if [[ ! -f $run/postgres.ready || ! -f $dir/postgres/data/global/pg_control ]]; then
        rm -f "$run/postgres.ready"
        postgres_init
        touch "$run/postgres.ready"
    fi
    data=$(postgres_data)
    wait_while 20 postgres_has_processes || fail "processes of the last PostgreSQL still run in $data"
    # With nothing at work in the folder the lock is stale, even if its pid is a zombie's or somebody else's by now.
    rm -f "$data/postmaster.pid"
    pg_ctl=$(postgres_bin pg_ctl)
    port=$(port_of postgres)
    as_postgres "$pg_ctl" start --wait --timeout 60 --silent --pgdata "$data" \
        --options "-p $port" >>"$log/postgres.log" 2>&1 </dev/null 9>&- ||
        fail "PostgreSQL did not start; see $log/postgres.log"
    pid=$(postgres_find) || fail "PostgreSQL ended as soon as it had started; see $log/postgres.log"
    remember_process postgres "$pid"
    say "PostgreSQL started on 127.0.0.1:$port"
}

postgres_stop() { # [--kill]
    local pid
    if pid=$(postgres_find); then
        remember_process postgres "$pid"
    fi
    if [[ ${1-} == --kill ]]; then
        end_process postgres KILL:10
    else
        end_process postgres INT:30 QUIT:10 KILL:10
    fi
    wait_while 20 postgres_has_processes || fail "children of the ended PostgreSQL still run; see $log/postgres.log"
}
