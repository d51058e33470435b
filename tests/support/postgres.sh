# Runs a PostgreSQL server in a directory of its own for as long as standard input is open:
# whoever started this may be killed, and still nothing of it is left.
#
# $1 is the directory of the server's programs, $2 the directory of the socket of another server
# whose replica it is to be, or empty; the rest are settings such as fsync=off. Prints the
# directory of its socket once the server answers. A server that is killed is started again.
trap '' INT HUP QUIT TERM
programs=$1
primary=$2
shift 2
dir=$(mktemp -d "${TMPDIR:-/tmp}/dwell.XXXXXX") || exit 1
cd "$dir" || exit 1

make_data() {
    if [ -n "$primary" ]; then
        # -R makes it a standby that follows the server it was copied from.
        "$programs/pg_basebackup" -N -R -c fast -h "$primary" -U postgres -D "$dir/data"
    else
        "$programs/initdb" -N -A trust --no-instructions -U postgres -E UTF8 --locale=C \
            -D "$dir/data"
    fi
}
if ! make_data >"$dir/log" 2>&1; then
    cat "$dir/log" >&2
    rm -rf "$dir"
    exit 1
fi

for setting; do
    set -- "$@" -c "$setting"
    shift
done
start() {
    "$programs/postgres" -D "$dir/data" -c listen_addresses= -c "unix_socket_directories=$dir" \
        "$@" >>"$dir/log" 2>&1 &
    server=$!
}
start "$@"
until "$programs/pg_isready" -q -h "$dir" -U postgres; do
    if ! kill -0 "$server" 2>/dev/null; then
        cat "$dir/log" >&2
        rm -rf "$dir"
        exit 1
    fi
    sleep 0.05
done
echo "$dir"

# A server that somebody kills comes back, until standard input is closed.
exec 3<&0
{
    cat <&3 >/dev/null
    : >over
    while [ -d "$dir/data" ]; do
        kill -QUIT "$(head -n 1 data/postmaster.pid)"
        sleep 0.1
    done 2>/dev/null
} &
while
    wait "$server"
    ! [ -e over ]
do
    # What is left of it keeps a new one from starting for a moment.
    sleep 0.02
    start "$@"
done
cd /
rm -rf "$dir"
