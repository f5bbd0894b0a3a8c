# The two brokers: a real Apache Kafka, and the embedded one of deploy/broker. Sourced by deploy/local.
# shellcheck shell=bash

# ---- Apache Kafka, one node in KRaft mode -----------------------------------------------------------------

kafka_version() { sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' "$root/deploy/kafka/pom.xml"; }

# The jars, from Maven Central the first time; a folder is complete or not there.
kafka_jars() {
    local cache part
    cache=${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}/declared/kafka-$(kafka_version)
    if [[ ! -d $cache ]]; then
        command -v mvn >/dev/null || fail "Maven is not installed: run deploy/packages kafka (or use --broker embedded)"
        say "fetching Apache Kafka $(kafka_version) from Maven Central (45 MB, once)"
        part=$cache.part.$$
        mkdir -p "${cache%/*}"
        mvn --batch-mode --quiet --file "$root/deploy/kafka/pom.xml" dependency:copy-dependencies \
            -DincludeScope=runtime -DoutputDirectory="$part" >"$log/maven.log" 2>&1 </dev/null 9>&- ||
            { rm -rf "$part"; fail "could not fetch Apache Kafka; see $log/maven.log"; }
        mv -T "$part" "$cache" 2>/dev/null || rm -rf "$part" # another was quicker
    fi
    echo "$cache"
}

# Kafka logs through slf4j-simple to standard error. Of log4j it uses but the shell, to change levels at run time.
kafka_start_s=${DECLARED_KAFKA_START_S:-90}
kafka_heap=-Xmx${DECLARED_KAFKA_HEAP:-512m}
kafka_options=(-Djava.awt.headless=true -XX:+ExitOnOutOfMemoryError -Dlog4j2.disableJmx=true -Dlog4j2.level=off
    -Dorg.slf4j.simpleLogger.defaultLogLevel=info -Dorg.slf4j.simpleLogger.showDateTime=true
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd HH:mm:ss.SSS")

# What a production broker would have, but for one node and a quick start: few partitions of Kafka's own topics,
# no wait for the first members of a group, and none of 9 s for its own last session after a kill. Retention and compaction are the topics' own (deploy/broker).
# A test that wants more writes kafka/more.properties beforehand, which goes over what stands here, and kafka/format
# with options for the formatting of the storage, one a line.
kafka_configure() { # PORT CONTROLLER-PORT
    cat >"$dir/kafka/server.properties" <<CONF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$2
listeners=PLAINTEXT://127.0.0.1:$1,CONTROLLER://127.0.0.1:$2
advertised.listeners=PLAINTEXT://127.0.0.1:$1
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs=$dir/kafka/data
auto.create.topics.enable=false
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# Kafka's default is 3000; with 0 one of two members that come together often has all partitions at first.
group.initial.rebalance.delay.ms=100
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
log.cleaner.dedupe.buffer.size=33554432
CONF
    cat "$dir/kafka/more.properties" >>"$dir/kafka/server.properties" 2>/dev/null || true
}

kafka_start() {
    local pid port controller_port jars format=()
    if pid=$(process_of kafka); then
        say "Kafka runs already on 127.0.0.1:$(<"$run/kafka.port")"
        return
    fi
    command -v java >/dev/null || fail "Java is not installed: run deploy/packages kafka (or use --broker embedded)"
    jars=$(kafka_jars)
    port=$(port_of kafka)
    controller_port=$(port_of kafka-controller)
    mkdir -p "$dir/kafka"
    kafka_configure "$port" "$controller_port"
    if [[ ! -f $dir/kafka/formatted ]]; then
        rm -rf "$dir/kafka/data"
        [[ ! -r $dir/kafka/format ]] || mapfile -t format <"$dir/kafka/format"
        java -Xmx128m -XX:TieredStopAtLevel=1 "${kafka_options[@]}" -cp "$jars/*" kafka.tools.StorageTool format \
            --config "$dir/kafka/server.properties" \
            --cluster-id "$(head -c 16 /dev/urandom | base64 | tr '+/' '__' | tr -d '=')" "${format[@]}" \
            >>"$log/kafka.log" 2>&1 </dev/null 9>&- || fail "Kafka's storage could not be formatted; see $log/kafka.log"
        touch "$dir/kafka/formatted"
    fi
    setsid java "$kafka_heap" "${kafka_options[@]}" -cp "$jars/*" kafka.Kafka "$dir/kafka/server.properties" \
        >>"$log/kafka.log" 2>&1 </dev/null 9>&- &
    remember_process kafka $! || fail "Kafka ended at once; see $log/kafka.log"
    wait_while "$kafka_start_s" kafka_starting "$port" ||
        fail "Kafka did not start within $kafka_start_s s; see $log/kafka.log"
    process_of kafka >/dev/null || fail "Kafka ended while starting; see $log/kafka.log"
    say "Kafka $(kafka_version) started on 127.0.0.1:$port"
}

kafka_starting() { process_of kafka >/dev/null && ! listening "$1"; }

kafka_stop() { # [--kill]
    if [[ ${1-} == --kill ]]; then
        end_process kafka KILL:10
    else
        end_process kafka TERM:30 KILL:10
    fi
}

# ---- the embedded broker ---------------------------------------------------------------------------------

embedded_program() {
    [[ -x $bin/declared-broker ]] || fail "$bin/declared-broker is not built: run deploy/local up"
    echo "$bin/declared-broker"
}

embedded_starting() { process_of embedded >/dev/null && [[ ! -s $run/embedded.address ]]; }

embedded_start() {
    local program
    if process_of embedded >/dev/null; then
        say "the embedded broker runs already on $(<"$run/embedded.address")"
        return
    fi
    program=$(embedded_program)
    rm -f "$run/embedded.address"
    setsid "$program" serve >"$run/embedded.address" 2>>"$log/embedded.log" </dev/null 9>&- &
    remember_process embedded $! || fail "the embedded broker ended at once; see $log/embedded.log"
    wait_while 10 embedded_starting || fail "the embedded broker does not answer; see $log/embedded.log"
    process_of embedded >/dev/null || fail "the embedded broker ended while starting; see $log/embedded.log"
    say "embedded broker started on $(<"$run/embedded.address")
  It is for demonstrations: nothing is kept when it stops, a partition holds 5 MiB or 100,000 message sets and then
  drops the oldest silently, transactions are not isolated, and joining a consumer group takes 3 s."
}

embedded_stop() { # [--kill]
    if [[ ${1-} == --kill ]]; then
        end_process embedded KILL:5
    else
        end_process embedded TERM:5 KILL:5
    fi
}

# ---- either ----------------------------------------------------------------------------------------------

broker_address() { # kafka|embedded
    case $1 in
    kafka) [[ -s $run/kafka.port ]] && echo "127.0.0.1:$(<"$run/kafka.port")" ;;
    embedded) cat "$run/embedded.address" 2>/dev/null ;;
    *) return 1 ;;
    esac
}

# The embedded broker makes its topics itself, when it starts.
broker_create_topics() { # kafka|embedded [OPTION...]
    local program
    program=$(embedded_program)
    if [[ $1 == kafka ]]; then
        "$program" create-topics --bootstrap "$(broker_address kafka)" --timeout-s 60 "${@:2}" ||
            fail "the topics could not be made; see $log/kafka.log"
    fi
}
