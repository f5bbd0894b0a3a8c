# Shared by deploy/local and its parts: messages, processes by pid and start time, free ports. Sourced.
# shellcheck shell=bash

say() { echo "$*" >&2; }

fail() {
    echo "deploy/local: $*" >&2
    exit 1
}

# ---- processes -------------------------------------------------------------------------------------------
# A pid file holds "pid start-time": pids are used again, the pair is not.

# When the process started, in ticks since boot. Fails if it is gone: of a zombie no thread may be left, for until
# the last one ends its files and sockets are open.
process_start() {
    local stat fields threads
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    read -ra fields <<<"${stat##*) }" # the name before may hold blanks and brackets
    if [[ ${fields[0]} == [ZX] ]]; then
        threads=("/proc/$1/task"/*)
        [[ ${#threads[@]} -gt 1 ]] || return 1
    fi
    echo "${fields[19]}"
}

remember_process() { # NAME PID
    local start
    start=$(process_start "$2") || return 1
    echo "$2 $start" >"$run/$1.pid"
}

# Prints the pid if the process that was started under this name still runs.
process_of() { # NAME
    local pid start
    [[ -r $run/$1.pid ]] && read -r pid start <"$run/$1.pid" || return 1
    [[ $(process_start "$pid") == "$start" ]] || return 1
    echo "$pid"
}

# Ends it with the signals in turn, each given its seconds; the last is KILL.
end_process() { # NAME SIGNAL:SECONDS...
    local name=$1 pid step
    shift
    for step in "$@"; do
        pid=$(process_of "$name") || break
        kill "-${step%:*}" "$pid" 2>/dev/null || true
        kill -CONT "$pid" 2>/dev/null || true # a test may have stopped it
        wait_while "${step#*:}" process_of "$name" || true
    done
    ! process_of "$name" >/dev/null || fail "$name (pid $(process_of "$name")) does not end; see $log/$name.log"
    rm -f "$run/$name.pid"
}

# ---- waiting ---------------------------------------------------------------------------------------------

wait_while() { # SECONDS COMMAND...
    local left=$(($1 * 20))
    shift
    while "$@" >/dev/null 2>&1; do
        ((left-- > 0)) || return 1
        sleep 0.05
    done
}

listening() { # PORT
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# A loopback port that nobody uses, below those the kernel hands to clients (which could take it while the server
# is down). Once chosen a server keeps it, so that it can come back where its clients look for it.
port_of() { # NAME
    local file=$run/$1.port port
    if [[ -r $file ]]; then
        read -r port <"$file"
        listening "$port" || { echo "$port"; return; }
    fi
    for _ in {1..100}; do
        port=$((20000 + RANDOM % 12000))
        if ! listening "$port" && ! grep -qsx "$port" "$run"/*.port; then
            echo "$port" >"$file"
            echo "$port"
            return
        fi
    done
    fail "no free port on 127.0.0.1 between 20000 and 32000"
}
