#!/usr/bin/env bash
# Walks the API as an operator would: with grpcurl, by reflection, on a fresh database.
#   tests/clients/walk.sh BINARY sqlite|postgres
set -euo pipefail

here=$(cd "$(dirname "$0")/../.." && pwd)
binary=$(realpath "${1:?usage: walk.sh BINARY sqlite|postgres}")
engine=${2:?usage: walk.sh BINARY sqlite|postgres}
grpcurl=${GRPCURL:-grpcurl}

dir=$(mktemp -d)
passed=0
failed=0
servers=()
url=

clean_up() {
    local server
    exec 9>&- || true
    for server in "${servers[@]}"; do
        kill -KILL "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    done
    if [ -d "$dir/postgres" ]; then
        "$here/scripts/temp-postgres" stop "$dir/postgres" || true
    fi
    rm -rf "$dir"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

pass() {
    passed=$((passed + 1))
    echo "ok    $1"
}
fail() { # WHAT WHY
    failed=$((failed + 1))
    echo "FAIL  $1"
    printf '%s\n' "$2" | sed 's/^/      /'
}

# --- The server

launch() { # NAME MORE_FLAGS...: sets $server
    : >"$dir/$1.out" # No address of an earlier start.
    "$binary" --listen 127.0.0.1:0 --database-url "$url" --log info "${@:2}" \
        >"$dir/$1.out" 2>>"$dir/$1.log" &
    server=$!
    servers+=("$server")
}

listens() { # NAME PID: sets $address once it listens
    local i
    for ((i = 0; i < 150; i++)); do
        address=$(sed -n 's/^listening on //p' "$dir/$1.out")
        if [ -n "$address" ]; then
            return
        fi
        kill -0 "$2" 2>/dev/null || break
        sleep 0.1
    done
    echo "$1 did not begin to listen:" >&2
    cat "$dir/$1.log" >&2
    exit 1
}

ends() { # PID: its exit code in $code, its seconds in $took; killed after 15 s
    local begun=$SECONDS i
    for ((i = 0; i < 150; i++)); do
        kill -0 "$1" 2>/dev/null || break
        sleep 0.1
    done
    kill -KILL "$1" 2>/dev/null || true
    code=0
    wait "$1" 2>/dev/null || code=$?
    took=$((SECONDS - begun))
}

# --- Calls

tenant=5e1f0000-0000-4000-8000-000000000001
neighbour=5e1f0000-0000-4000-8000-000000000002

# Calls SERVICE/METHOD with a JSON request. The answer is in $answer; for a refusal its status
# as JSON, and $code is then 64 plus the gRPC code, as grpcurl exits.
call_as() { # TENANT METHOD REQUEST
    local header=()
    if [ -n "$1" ]; then
        header=(-H "x-tenant-id: $1")
    fi
    code=0
    answer=$("$grpcurl" -plaintext -max-time 5 -format-error -emit-defaults "${header[@]}" \
        -d "$3" "$address" "dwell.v1.$2" 2>"$dir/refusal") || code=$?
    if [ "$code" != 0 ]; then
        answer=$(cat "$dir/refusal")
    fi
}
call() { call_as "$tenant" "$@"; }

# Passes if the last call was answered and the jq expression is true of the answer.
answered() { # WHAT JQ
    if [ "$code" = 0 ] && jq -e "$2" <<<"$answer" >/dev/null 2>&1; then
        pass "$1"
    else
        fail "$1" "exit code $code, wanted $2 of: $answer"
    fi
}
# Passes if the last call was refused with this gRPC code, and the expression holds.
refused() { # WHAT CODE [JQ]
    if [ "$code" = $((64 + $2)) ] && jq -e "${3:-true}" <<<"$answer" >/dev/null 2>&1; then
        pass "$1"
    else
        fail "$1" "exit code $code, wanted $((64 + $2)) and ${3:-true} of: $answer"
    fi
}
same() { # WHAT WANTED GOT
    if [ "$2" = "$3" ]; then
        pass "$1"
    else
        fail "$1" "wanted $2"$'\n'"got    $3"
    fi
}
ask() { # Reflection or health, with no tenant: grpcurl's own arguments
    code=0
    answer=$("$grpcurl" -plaintext -max-time 5 "$@" 2>&1) || code=$?
}

INVALID_ARGUMENT=3 NOT_FOUND=5 ALREADY_EXISTS=6 FAILED_PRECONDITION=9 UNAUTHENTICATED=16

# --- The walk

case "$engine" in
sqlite) url="sqlite://$dir/dwell.db" ;;
postgres)
    mkdir "$dir/postgres"
    chmod 711 "$dir"
    url=$("$here/scripts/temp-postgres" start "$dir/postgres")
    ;;
*)
    echo "no such engine: $engine" >&2
    exit 2
    ;;
esac

# Two instances find an empty PostgreSQL: the schema is made once, under a lock.
if [ "$engine" = postgres ]; then
    launch twin
    twin=$server
fi
launch dwell
if [ "$engine" = postgres ]; then
    listens twin "$twin"
    ask "$address" grpc.health.v1.Health/Check
    answered "the first of two instances that started at once serves" '.status == "SERVING"'
fi
listens dwell "$server"
ask "$address" grpc.health.v1.Health/Check
answered "it serves" '.status == "SERVING"'

ask "$address" list
same "reflection lists the services" \
    "dwell.v1.GoalService dwell.v1.InsightsService dwell.v1.ReportService dwell.v1.SessionService dwell.v1.TenantService dwell.v1.UsageStatsService grpc.health.v1.Health" \
    "$(tr '\n' ' ' <<<"$answer" | sed 's/ $//')"
for service in '' dwell.v1.SessionService dwell.v1.UsageStatsService dwell.v1.TenantService \
    dwell.v1.InsightsService dwell.v1.GoalService dwell.v1.ReportService; do
    ask -d "{\"service\": \"$service\"}" "$address" grpc.health.v1.Health/Check
    answered "health of '${service}' is SERVING" '.status == "SERVING"'
done
ask -d '{"service": "nobody"}' "$address" grpc.health.v1.Health/Check
same "health of an unknown service is NOT_FOUND" 69 "$code"

user=5e1f0000-0000-4000-8000-0000000000a1
session=5e1f0000-0000-4000-8000-0000000000b1
login="\"user_id\": \"$user\", \"session_id\": \"$session\", \"client_type\": \"web\""
by_id="{\"session_id\": \"$session\"}"

call_as '' SessionService/StartSession "{$login}"
refused "no x-tenant-id is UNAUTHENTICATED" $UNAUTHENTICATED
call_as nonsense SessionService/StartSession "{$login}"
refused "x-tenant-id that is no UUID is UNAUTHENTICATED" $UNAUTHENTICATED

call SessionService/StartSession "{$login}"
answered "login opens a session" \
    ".created and .session.id == \"$session\" and .session.state == \"SESSION_STATE_ACTIVE\""
call SessionService/StartSession "{$login}"
answered "the same login again is the same session" ".created == false and .session.id == \"$session\""
call SessionService/StartSession "{$login, \"focus_mode\": true}"
refused "the same id for another login is ALREADY_EXISTS" $ALREADY_EXISTS
call SessionService/Heartbeat "$by_id"
answered "heartbeat" '.state == "SESSION_STATE_ACTIVE" and .expireTime != null'
activity="{\"session_id\": \"$session\", \"activity_id\": \"5e1f0000-0000-4000-8000-0000000000c1\",
    \"activity_type\": \"flashcards\", \"items_completed\": 3, \"items_correct\": 2}"
call SessionService/LogActivity "$activity"
answered "activity, with its accuracy and points" \
    '.activity.accuracyPercentage == 66.67 and .activity.pointsEarned == "2"'
call SessionService/LogActivity "$activity"
answered "the same activity again is the same activity" '.activity.pointsEarned == "2"'
call SessionService/ListActivities "$by_id"
answered "it is listed once" '.activities | length == 1'
call SessionService/PauseSession "$by_id"
answered "pause" '.session.state == "SESSION_STATE_PAUSED"'
call SessionService/ResumeSession "$by_id"
answered "resume" '.session.state == "SESSION_STATE_ACTIVE"'
call SessionService/EndSession "{\"session_id\": \"$session\", \"mood_rating\": 4}"
answered "logout" '.alreadyEnded == false and .session.state == "SESSION_STATE_ENDED"
    and .session.endReason == "END_REASON_LOGOUT" and .session.moodRating == 4'
ended=$(jq -S .session <<<"$answer")
call SessionService/EndSession "$by_id"
answered "logout again" '.alreadyEnded'
same "it is as it ended" "$ended" "$(jq -S .session <<<"$answer")"
call SessionService/PauseSession "$by_id"
refused "no pause after the end: FAILED_PRECONDITION" $FAILED_PRECONDITION
call SessionService/Heartbeat "$by_id"
refused "no heartbeat after the end: FAILED_PRECONDITION" $FAILED_PRECONDITION

call_as $neighbour SessionService/GetSession "$by_id"
refused "a neighbour's session is NOT_FOUND" $NOT_FOUND
foreign=$answer
call SessionService/GetSession '{"session_id": "5e1f0000-0000-4000-8000-0000000000ff"}'
same "exactly as one that does not exist" "$foreign" "$answer"

call SessionService/StartSession \
    '{"user_id": "x", "session_id": "y", "client_type": "W W", "ip_address": "here"}'
refused "bad input names each field" $INVALID_ARGUMENT '[.details[].fieldViolations[]?.field] | sort
    == ["client_type", "ip_address", "session_id", "user_id"]'
call SessionService/EndSession "{\"session_id\": \"$session\", \"progress\": 1.5, \"mood_rating\": 6}"
refused "so does another" $INVALID_ARGUMENT \
    '[.details[].fieldViolations[]?.field] | sort == ["mood_rating", "progress"]'

# Days long ago, so that nothing depends on the day of the walk: 2025-06-29 is a Sunday.
other=5e1f0000-0000-4000-8000-0000000000a2
record="{\"user_id\": \"$other\", \"session_id\": \"5e1f0000-0000-4000-8000-0000000000b2\",
    \"start_time\": \"2025-06-29T23:30:00Z\", \"duration\": \"3600s\"}"
call SessionService/RecordSession "$record"
answered "a session of a past day is saved" \
    '.created and .session.durationMinutes == "60" and .session.endReason == "END_REASON_RECORDED"'
call SessionService/RecordSession "$record"
answered "once" '.created == false'
usage() { # USER DATE REQUEST_ID INCREMENT
    echo "{\"user_id\": \"$1\", \"date\": \"$2\", \"request_id\": \"$3\", \"increment\": $4}"
}
request=5e1f0000-0000-4000-8000-0000000000d1
call UsageStatsService/RecordUsage \
    "$(usage $user 2025-06-30 $request '{"simulation_runs": 2, "feature_usage": {"map": 3}}')"
answered "usage is recorded" '.usage.simulationRuns == "2" and .usage.featureUsage.map == "3"'
call UsageStatsService/RecordUsage \
    "$(usage $user 2025-06-30 $request '{"simulation_runs": 2, "feature_usage": {"map": 3}}')"
answered "the same request_id is counted once" '.usage.simulationRuns == "2"'
call UsageStatsService/RecordUsage "$(usage $user 2025-06-30 $request '{"simulation_runs": 9}')"
refused "with other content it is ALREADY_EXISTS" $ALREADY_EXISTS
call UsageStatsService/RecordUsage \
    "$(usage $user 2025-07-01 5e1f0000-0000-4000-8000-0000000000d2 '{"active_seconds": 90}')"
answered "usage of a further day" '.usage.activeSeconds == "90" and .usage.activeMinutes == "1"'
call UsageStatsService/RecordUsage '{"user_id": "", "increment": {"active_seconds": -1}}'
refused "negative usage of nobody is refused" $INVALID_ARGUMENT

report() { # GRANULARITY
    call UsageStatsService/GetTenantUsageReport "{\"start_date\": \"2025-06-01\",
        \"end_date\": \"2025-07-31\", \"granularity\": \"GRANULARITY_$1\"}"
}
rows='[.periods[] | [.startDate, .endDate, .activeUsers, .newUsers, .activeSeconds, .simulationRuns]]'
report DAY
answered "report by day: the session's hour is split at midnight" "$rows == [
    [\"2025-06-29\", \"2025-06-29\", \"1\", \"1\", \"1800\", \"0\"],
    [\"2025-06-30\", \"2025-06-30\", \"2\", \"1\", \"1800\", \"2\"],
    [\"2025-07-01\", \"2025-07-01\", \"1\", \"0\", \"90\", \"0\"]]"
report WEEK
answered "report by week" "$rows == [
    [\"2025-06-23\", \"2025-06-29\", \"1\", \"1\", \"1800\", \"0\"],
    [\"2025-06-30\", \"2025-07-06\", \"2\", \"1\", \"1890\", \"2\"]]"
report MONTH
answered "report by month" "$rows == [
    [\"2025-06-01\", \"2025-06-30\", \"2\", \"2\", \"3600\", \"2\"],
    [\"2025-07-01\", \"2025-07-31\", \"1\", \"0\", \"90\", \"0\"]]"
answered "its total counts each user once" '.total | .activeUsers == "2" and .activeSeconds == "3690"
    and .sessionsStarted == "1" and .sessionsCompleted == "1" and .featureUsage.map == "3"'
call_as $neighbour UsageStatsService/GetTenantUsageReport \
    '{"start_date": "2025-06-01", "end_date": "2025-07-31"}'
answered "a neighbour sees none of it" '(.periods | length) == 0 and .total.activeUsers == "0"'
call UsageStatsService/GetUserUsageStats \
    "{\"user_id\": \"$other\", \"start_date\": \"2025-06-29\", \"end_date\": \"2025-06-30\"}"
answered "a user's days and their sum" \
    '[.days[].activeSeconds] == ["1800", "1800"] and .total.activeMinutes == "60"'
call UsageStatsService/GetUserSummary "{\"user_id\": \"$user\"}"
answered "user summary" '.summary | .loginCount == "1" and .openSessions == "0" and .lastLoginTime != null'
call_as $neighbour UsageStatsService/GetUserSummary "{\"user_id\": \"$user\"}"
refused "a neighbour's user is NOT_FOUND" $NOT_FOUND
call UsageStatsService/ListUserSummaries '{}'
answered "both users are listed" '.summaries | length == 2'

# Two days of practice in a row, a year back in the reports of nobody else.
learner=5e1f0000-0000-4000-8000-0000000000a4
for number in 3 4; do
    call SessionService/RecordSession "{\"user_id\": \"$learner\",
        \"session_id\": \"5e1f0000-0000-4000-8000-0000000000e$number\",
        \"start_time\": \"2025-03-0${number}T10:00:00Z\", \"duration\": \"${number}00s\",
        \"progress\": 1, \"subject\": {\"type\": \"course\", \"id\": \"es\", \"name\": \"Spanish\"},
        \"result\": {\"words_spoken\": 10, \"scores\": {\"fluency\": ${number}0},
            \"topics\": [\"food\"], \"areas_to_improve\": [\"verbs\"]}}"
done
insight() { # METHOD FIELDS
    call "InsightsService/$1" "{\"user_id\": \"$learner\"$2}"
}
march=', "range": {"start_date": "2025-03-01", "end_date": "2025-03-31"}'
insight GetStreak ''
answered "a streak of two days that is over" \
    '.longestDays == 2 and .currentDays == 0 and .lastDate == "2025-03-04" and (.atRisk | not)'
insight GetUserStatistics ''
answered "key figures" \
    '.totalSessions == "2" and .totalSeconds == "700" and .completionRatePercentage == 100'
insight GetCalendar "$march"
answered "a calendar of two days" '[.days[].date] == ["2025-03-03", "2025-03-04"]'
insight GetPracticeFrequency ', "days": 7'
answered "no practice in the last days" '(.days | length == 0) and (.weekdayHours | length == 168)'
insight ListTopSubjects ''
answered "the one subject" '.subjects[0] | .subject.id == "es" and .sessions == "2"'
insight GetSessionStats "$march"
answered "means of scores" '.averageScores.fluency == 35 and .totalWordsSpoken == "20"
    and .commonTopics[0] == {"term": "food", "count": "2"}'
insight GetWarmup ''
answered "a warm-up begins with the last session" '.lastSession.startTime == "2025-03-04T10:00:00Z"'
insight GetPerformanceOverview ', "date": "2025-03-04"'
answered "an overview of the month" \
    '.period.startDate == "2025-03-01" and .metrics[0].metric == "METRIC_STUDY_TIME"'
insight GetPerformanceTrend ', "metric": "METRIC_STUDY_TIME", "granularity": "GRANULARITY_DAY"'
answered "two days are no trend" '.overallTrend == "TREND_INSUFFICIENT_DATA"'
insight ComparePerformance ', "by": "BY_SUBJECT", "date": "2025-03-04"'
answered "subjects side by side" '.entries[0] | .label == "Spanish" and .studyMinutes == "11"'
call_as "$neighbour" InsightsService/GetUserStatistics "{\"user_id\": \"$learner\"}"
answered "a neighbour's figures of the same user are zero" '.totalSessions == "0"'
call InsightsService/GetPerformanceTrend '{"user_id": "me", "periods": 61}'
refused "whom and what: every bad field at once" $INVALID_ARGUMENT \
    '[.details[].fieldViolations[]?.field] | sort == ["metric", "periods", "user_id"]'

call ReportService/GetWeeklyReport "{\"user_id\": \"$learner\", \"week\": \"2025-W10\"}"
answered "a week on one page" '.summary.totalMinutes == "11" and .summary.totalSessions == "2"
    and (.days | length == 7) and .topSubjects[0].subject.id == "es"'
call ReportService/ExportSessions "{\"format\": \"FORMAT_NDJSON\",
    \"filter\": {\"user_id\": \"$learner\"}}"
answered "its sessions in a file" '[.chunk | @base64d | split("\n")[] | select(. != "") | fromjson
    | .startTime] == ["2025-03-04T10:00:00Z", "2025-03-03T10:00:00Z"]'

# A goal of the month that holds those two days, which are over.
goal=5e1f0000-0000-4000-8000-0000000000f1
wish="{\"goal\": {\"id\": \"$goal\", \"user_id\": \"$learner\", \"goal_type\": \"GOAL_TYPE_STUDY_TIME\",
    \"name\": \"Study\", \"target_value\": 20, \"start_date\": \"2025-03-01\",
    \"target_date\": \"2099-12-31\"}}"
call GoalService/CreateGoal "$wish"
answered "a goal knows what was done on its days before" \
    '.goal | .currentValue == 11 and .percentageComplete == 55 and .status == "GOAL_STATUS_ACTIVE"'
call GoalService/CreateGoal "$wish"
answered "the same goal again is the same goal" ".goal.id == \"$goal\""
call GoalService/RecordGoalProgress "{\"goal_id\": \"$goal\", \"value\": 16, \"notes\": \"a book\"}"
answered "progress by hand, with its milestone" \
    '.progress.milestoneName == "75% Complete" and .goal.currentValue == 16'
call SessionService/RecordSession "{\"user_id\": \"$learner\", \"duration\": \"60s\",
    \"session_id\": \"5e1f0000-0000-4000-8000-0000000000e5\", \"start_time\": \"2025-03-05T10:00:00Z\"}"
call GoalService/GetGoal "{\"goal_id\": \"$goal\"}"
answered "a session moves it on from there" '.goal.currentValue == 17'
call GoalService/UpdateGoal "{\"goal\": {\"id\": \"$goal\", \"target_value\": 17},
    \"update_mask\": {\"paths\": [\"target_value\"]}}"
answered "a target lowered to what is reached completes it" \
    '.goal | .status == "GOAL_STATUS_COMPLETED" and .completeTime != null'
call GoalService/ListGoals "{\"user_id\": \"$learner\", \"status\": \"GOAL_STATUS_COMPLETED\"}"
answered "it is listed" '[.goals[].name] == ["Study"]'
call GoalService/ListGoalProgress "{\"goal_id\": \"$goal\"}"
answered "with the day's latest value and its note" \
    '.progress | length == 1 and .[0].value == 17 and .[0].notes == "a book"'
call_as "$neighbour" GoalService/GetGoal "{\"goal_id\": \"$goal\"}"
refused "a neighbour's goal is NOT_FOUND" $NOT_FOUND
call GoalService/DeleteGoal "{\"goal_id\": \"$goal\"}"
answered "it is deleted" 'true'

lister=5e1f0000-0000-4000-8000-0000000000a3
for day in 01 02 03; do
    call SessionService/RecordSession "{\"user_id\": \"$lister\",
        \"start_time\": \"2025-02-${day}T10:00:00Z\", \"duration\": \"600s\"}"
done
call SessionService/ListSessions "{\"user_id\": \"$lister\", \"page_size\": 2, \"include_totals\": true}"
answered "a first page, newest first, with totals of all pages" '[.sessions[].startTime[:10]]
    == ["2025-02-03", "2025-02-02"] and .totals.sessionCount == "3" and .totals.totalSeconds == "1800"'
token=$(jq -r .nextPageToken <<<"$answer")
call SessionService/ListSessions "{\"user_id\": \"$lister\", \"page_size\": 2, \"page_token\": \"$token\"}"
answered "the last page" '[.sessions[].startTime[:10]] == ["2025-02-01"] and .nextPageToken == ""'
call_as $neighbour SessionService/ListSessions \
    "{\"user_id\": \"$lister\", \"page_size\": 2, \"page_token\": \"$token\"}"
refused "a neighbour's page token is refused" $INVALID_ARGUMENT

# --- HTTP and JSON, with curl

# Sends a request; what comes is in $answer, and its HTTP code in $code.
rest() { # METHOD PATH [CURL_ARGUMENTS...]
    code=$(curl --silent --max-time 5 --output "$dir/rest" --write-out '%{http_code}' \
        --header "x-tenant-id: $tenant" --request "$1" "${@:3}" "http://$address$2") || true
    answer=$(cat "$dir/rest")
}
told() { # WHAT CODE JQ
    if [ "$code" = "$2" ] && jq -e "$3" <<<"$answer" >/dev/null 2>&1; then
        pass "$1"
    else
        fail "$1" "HTTP $code, wanted $2 and $3 of: $answer"
    fi
}
posted=5e1f0000-0000-4000-8000-0000000000b9
json=(--header 'content-type: application/json')
rest POST /v1/sessions "${json[@]}" --data "{\"userId\": \"$user\", \"session_id\": \"$posted\"}"
told "POST opens a session" 200 ".created and .session.id == \"$posted\""
call SessionService/GetSession "{\"session_id\": \"$posted\"}"
answered "which gRPC sees" ".session.userId == \"$user\""
rest GET "/v1/sessions/$posted" --http2-prior-knowledge
told "GET over HTTP/2" 200 '.session.state == "SESSION_STATE_ACTIVE"'
rest POST "/v1/sessions/$posted:end" "${json[@]}" --data '{"moodRating": 5}'
told "a custom verb ends it" 200 '.session.moodRating == 5'
rest GET "/v1/users/$user/usage-stats?start_date=2025-06-30&end_date=2025-07-01"
told "parameters of the query" 200 '[.days[].date] == ["2025-06-30", "2025-07-01"]'
rest GET "/v1/usage-stats?start_date=2025-06-30&end_date=2025-07-01"
same "a stream is lines of JSON" 3 "$(jq -s length <<<"$answer")"
rest GET '/v1/usage-report?start_date=yesterday&nothing=1'
told "what is wrong is named" 400 '.code == 3 and ([.details[].fieldViolations[]?.field] == ["nothing"])'
rest GET /v1/nothing
told "what is not there is 404" 404 '.code == 5'
rest DELETE /v1/sessions
told "another method is 405" 405 '.code == 12'
tenant='' rest GET "/v1/sessions/$posted"
told "nobody is 401" 401 '.code == 16'
rest GET /openapi.json
told "it is described" 200 '.openapi == "3.1.0" and (.paths | length > 30)'

# --- Who may call: tokens, over TLS

printf '%s' 0123456789abcdef0123456789abcdef >"$dir/jwt.secret"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 \
    -keyout "$dir/key.pem" -out "$dir/cert.pem" -subj /CN=localhost \
    -addext subjectAltName=IP:127.0.0.1 2>"$dir/openssl.log"
plain_address=$address plain_url=$url plain_server=$server
url="sqlite://$dir/secured.db"
launch secured --auth jwt --jwt-secret-file "$dir/jwt.secret" --reflection off \
    --tls-cert "$dir/cert.pem" --tls-key "$dir/key.pem"
listens secured "$server"
token() { "$binary" token --jwt-secret-file "$dir/jwt.secret" --tenant $tenant "$@"; }
call_bearing() { # TOKEN METHOD REQUEST
    code=0
    answer=$("$grpcurl" -cacert "$dir/cert.pem" -max-time 5 -format-error -emit-defaults \
        -import-path "$here/proto" -proto "dwell/v1/session_service.proto" \
        -proto "dwell/v1/tenant_service.proto" -H "authorization: Bearer $1" \
        -d "$3" "$address" "dwell.v1.$2" 2>"$dir/refusal") || code=$?
    if [ "$code" != 0 ]; then
        answer=$(cat "$dir/refusal")
    fi
}
PERMISSION_DENIED=7
call_bearing "$(token --role service)" SessionService/StartSession "{$login}"
answered "a service's token logs a user in, over TLS" .created
call_bearing "$(token --role user --user "$user")" SessionService/GetSession "$by_id"
answered "the user sees it" ".session.id == \"$session\""
call_bearing "$(token --role user --user somebody)" SessionService/GetSession "$by_id"
refused "another user does not" $NOT_FOUND
call_bearing "$(token --role service)" TenantService/UpdateTenantSettings \
    '{"settings": {"time_zone": "Europe/Rome"}}'
refused "a service does not set" $PERMISSION_DENIED '.message == "this needs the role admin"'
call_bearing "$(token --role admin)" TenantService/UpdateTenantSettings \
    '{"settings": {"time_zone": "Europe/Rome"}}'
answered "an admin does" '.settings.timeZone == "Europe/Rome"'
for version in --http1.1 --http2; do
    code=0
    answer=$(curl --silent --show-error --max-time 5 --cacert "$dir/cert.pem" "$version" \
        --header "authorization: Bearer $(token --role service)" \
        "https://$address/v1/sessions/$session" 2>&1) || code=$?
    answered "curl $version sees it too, over TLS" ".session.id == \"$session\""
done
call_bearing nonsense SessionService/GetSession "$by_id"
refused "nonsense is no token" $UNAUTHENTICATED
ask "$address" list
if [ "$code" != 0 ]; then
    pass "in plain text nobody answers"
else
    fail "in plain text nobody answers" "$answer"
fi
code=0
answer=$("$grpcurl" -cacert "$dir/cert.pem" -max-time 5 "$address" list 2>&1) || code=$?
if [ "$code" != 0 ]; then
    pass "reflection is off"
else
    fail "reflection is off" "$answer"
fi
kill -TERM "$server"
ends "$server"
same "it ends in order" 0 "$code"
address=$plain_address url=$plain_url server=$plain_server

# --- The end, and after it

open_for() { # SECONDS: logs in one session after the other; $dir/answered has the answered ones
    local until=$((SECONDS + $1)) n=$RANDOM$RANDOM id
    while ((SECONDS < until)); do
        n=$((n + 1))
        id=$(printf '5e1f0000-0000-4000-8000-%012d' "$n")
        call SessionService/StartSession "{\"user_id\": \"$user\", \"session_id\": \"$id\"}"
        if [ "$code" = 0 ]; then
            echo "$id" >>"$dir/answered"
        fi
    done
}
all_there() { # WHAT
    local id lost='' count=0
    while read -r id; do
        count=$((count + 1))
        call SessionService/GetSession "{\"session_id\": \"$id\"}"
        [ "$code" = 0 ] || lost+=" $id"
    done <"$dir/answered"
    if [ "$count" -gt 0 ] && [ -z "$lost" ]; then
        pass "$1: all answered logins are there"
    else
        fail "$1: all answered logins are there" "of $count lost:$lost"
    fi
    rm "$dir/answered"
}

# --- A user who is to be forgotten

person=5e1f0000-0000-4000-8000-0000000000a9
of_person="{\"user_id\": \"$person\"}"
call TenantService/DeleteUserData "$of_person"
refused "a user never heard of is NOT_FOUND" $NOT_FOUND
call SessionService/RecordSession "{\"user_id\": \"$person\", \"client_type\": \"web\",
    \"start_time\": \"2025-01-15T10:00:00Z\", \"duration\": \"600s\"}"
answered "a session to be forgotten" .created
call TenantService/PurgeSessions '{"before": "2025-01-16T00:00:00Z", "dry_run": true}'
answered "would be purged" '.purgedCount == "1"'
call TenantService/ExportUserData "$of_person"
same "an export has its rows" "users session_events user_sessions user_usage_stats user_practice_times performance_days performance_months" \
    "$(jq -r .chunk <<<"$answer" | base64 -d | jq -r .table | tr '\n' ' ' | sed 's/ $//')"
call TenantService/DeleteUserData "{\"user_id\": \"$person\", \"dry_run\": true}"
answered "a dry run counts" '.deletedRows.user_sessions == "1" and .deleteTime == null'
call TenantService/DeleteUserData "$of_person"
answered "a deletion tells what it deleted" '.deletedRows.user_sessions == "1" and .deleteTime != null'
call TenantService/DeleteUserData "$of_person"
answered "and again: nothing" '[.deletedRows[] | tonumber] | add == 0'
call SessionService/StartSession "{\"user_id\": \"$person\", \"client_type\": \"web\"}"
refused "who is deleted does not come back" $FAILED_PRECONDITION '.message | contains("deleted")'
call TenantService/ExportUserData "$of_person"
refused "and has no data" $NOT_FOUND
call TenantService/PurgeSessions '{"before": "2025-01-16T00:00:00Z"}'
answered "nor sessions to purge" '.purgedCount == "0"'

# A gateway's stream that stays open must not hold up the end.
mkfifo "$dir/gateway"
"$grpcurl" -plaintext -max-time 20 -H "x-tenant-id: $tenant" -d @ "$address" \
    dwell.v1.SessionService/StreamHeartbeats <"$dir/gateway" >"$dir/gateway.out" 2>&1 &
gateway=$!
exec 9>"$dir/gateway"
echo '{"session_id": "5e1f0000-0000-4000-8000-0000000000ff"}' >&9
for ((i = 0; i < 50; i++)); do
    grep -q '"code": 5' "$dir/gateway.out" && break
    sleep 0.1
done
same "a stream's bad message is answered with its code" 1 "$(grep -c '"code": 5' "$dir/gateway.out")"
watch() { # TOKEN OUT: in the background, sets $watcher
    : >"$2"
    "$grpcurl" -plaintext -max-time 20 -emit-defaults -H "x-tenant-id: $tenant" \
        -d "{\"resume_token\": \"$1\"}" "$address" dwell.v1.SessionService/WatchSessions >"$2" 2>&1 &
    watcher=$!
}
hears() { # OUT TEXT: waits for it
    local i
    for ((i = 0; i < 100; i++)); do
        grep -q "$2" "$1" && return
        sleep 0.1
    done
    fail "a watcher hears of $2" "$(cat "$1")"
}
token_of() { # OUT: of its last message
    sed -n 's/.*"resumeToken": "\(.*\)".*/\1/p' "$1" | tail -n 1
}
watched=5e1f0000-0000-4000-8000-0000000000e1
watch "" "$dir/watch.out"
hears "$dir/watch.out" resumeToken
call SessionService/StartSession "{\"user_id\": \"$watched\", \"session_id\": \"$watched\", \"client_type\": \"web\"}"
hears "$dir/watch.out" "$watched"
same "who watches is told of a start" 1 "$(grep -c KIND_STARTED "$dir/watch.out")"
kill "$watcher"
wait "$watcher" || true
call SessionService/EndSession "{\"session_id\": \"$watched\"}"
watch "$(token_of "$dir/watch.out")" "$dir/watch.more"
hears "$dir/watch.more" "$watched"
same "and, back with a token, of the end it missed" "KIND_ENDED" \
    "$(sed -n 's/.*"kind": "\(.*\)".*/\1/p' "$dir/watch.more")"
call_as "$neighbour" SessionService/WatchSessions "{\"resume_token\": \"$(token_of "$dir/watch.out")\"}"
refused "a token is nothing for a neighbour" $INVALID_ARGUMENT
open_for 3 &
clients=$!
sleep 1.5
kill -TERM "$server"
ends "$server"
same "SIGTERM with calls in flight: exit code 0" 0 "$code"
if ((took < 10)); then
    pass "within 10 seconds"
else
    fail "within 10 seconds" "took $took s"
fi
wait "$clients"
exec 9>&-
code=0
wait "$gateway" || code=$?
same "the open stream ended with UNAVAILABLE" $((64 + 14)) "$code"
code=0
wait "$watcher" || code=$?
same "and so did the watch" $((64 + 14)) "$code"
ask "$address" grpc.health.v1.Health/Check
if [ "$code" != 0 ]; then
    pass "after it nobody answers"
else
    fail "after it nobody answers" "$answer"
fi
launch dwell
listens dwell "$server"
all_there "after SIGTERM"

open_for 2 &
clients=$!
sleep 1
kill -KILL "$server"
wait "$server" 2>/dev/null || true
wait "$clients"
launch dwell
listens dwell "$server"
all_there "after kill -9"
report MONTH
answered "the report is what it was" '.total.activeSeconds == "3690"'
if grep -h " ERROR " "$dir"/*.log >"$dir/errors"; then
    fail "no line of level error in the log" "$(cat "$dir/errors")"
else
    pass "no line of level error in the log"
fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
