#!/usr/bin/env bash
# Holds the API to its description: the document is valid, and nothing that schemathesis thinks of is
# answered with 5xx or in a way that is not described.
#   tests/clients/described.sh BINARY      (schemathesis and openapi-spec-validator on PATH)
set -euo pipefail

binary=$(realpath "${1:?usage: described.sh BINARY}")
dir=$(mktemp -d)
server=
clean_up() {
    kill -KILL "$server" 2>/dev/null || true
    rm -rf "$dir"
}
trap clean_up EXIT

"$binary" --listen 127.0.0.1:0 --database-url "sqlite://$dir/dwell.db" --log warn \
    >"$dir/out" 2>"$dir/log" &
server=$!
for ((i = 0; i < 150; i++)); do
    address=$(sed -n 's/^listening on //p' "$dir/out")
    [ -z "$address" ] || break
    sleep 0.1
done
curl --silent --fail --max-time 5 "http://$address/openapi.json" >"$dir/openapi.json"
openapi-spec-validator "$dir/openapi.json"

# A stream that never ends has no place here, and schemathesis writes no lines of JSON. One worker,
# so that it is the same each time.
cd "$dir"
schemathesis run "$dir/openapi.json" --url "http://$address" \
    --header "x-tenant-id: 5e1f0000-0000-4000-8000-000000000001" \
    --exclude-operation-id WatchSessions --exclude-operation-id ImportUsage \
    --exclude-operation-id StreamHeartbeats \
    --phases coverage,fuzzing --max-examples 20 --seed 9 --generation-database none \
    --request-timeout 10 --workers 1 --suppress-health-check all \
    --checks not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,unsupported_method
if grep " ERROR " "$dir/log"; then
    echo "the server logged an error" >&2
    exit 1
fi
