#!/usr/bin/env python3
"""Walks the API as services would: with Python's gRPC, its stubs made from proto/.

    tests/clients/walk.py BINARY sqlite|postgres
"""

import csv
import datetime
import importlib
import io
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid

import grpc
from google.protobuf import descriptor_pb2, duration_pb2, json_format, timestamp_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc import StatusCode as Code
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_tools import protoc

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATIENCE = 5  # seconds for one call
# Messages of one import.
BULK = 20_000
TENANT, NEIGHBOUR = str(uuid.uuid4()), str(uuid.uuid4())


class Tally:
    passed = failed = 0

    def check(self, what, got, wanted=True):
        if got == wanted:
            self.passed += 1
            print(f"ok    {what}", flush=True)
        else:
            self.failed += 1
            print(f"FAIL  {what}\n      wanted {wanted!r}\n      got    {got!r}", flush=True)


tally = Tally()
check = tally.check


# --- The server


class Server:
    """The binary under test; `address` once it listens."""

    def __init__(self, binary, url, folder, name):
        self.log = open(folder / f"{name}.log", "ab")
        command = [binary, "--listen", "127.0.0.1:0", "--database-url", url]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=self.log, text=True
        )
        self.log_path = folder / f"{name}.log"

    def listening(self):
        too_long = threading.Timer(15, self.process.kill)
        too_long.start()
        line = self.process.stdout.readline()
        too_long.cancel()
        if not line.startswith("listening on "):
            sys.exit(f"it did not begin to listen: {line!r}\n{self.log_path.read_text()}")
        self.address = line.removeprefix("listening on ").strip()
        self.channel = grpc.insecure_channel(self.address)
        return self

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class Api:
    """The services on one channel, in the name of one tenant."""

    def __init__(self, channel, tenant):
        self.metadata = [("x-tenant-id", tenant)] if tenant else []
        self.stubs = [
            sessions_grpc.SessionServiceStub(channel),
            usage_grpc.UsageStatsServiceStub(channel),
            reports_grpc.ReportServiceStub(channel),
            goals_grpc.GoalServiceStub(channel),
            tenants_grpc.TenantServiceStub(channel),
        ]

    def __getattr__(self, method):
        stub = next(stub for stub in self.stubs if hasattr(stub, method))
        call = getattr(stub, method)
        return lambda request, timeout=PATIENCE: call(
            request, timeout=timeout, metadata=self.metadata
        )


def refusal(call, request):
    """The error that a call is answered with; None if it is not refused."""
    try:
        answer = call(request)
        if hasattr(answer, "__next__"):
            list(answer)
    except grpc.RpcError as error:
        return error
    return None


def refused(what, call, request, code):
    error = refusal(call, request)
    check(what, error and error.code(), code)
    return error


def trailer(error, key="grpc-status-details-bin"):
    return dict(error.trailing_metadata()).get(key)


def fields(error):
    """What google.rpc.BadRequest names."""
    status = status_pb2.Status.FromString(trailer(error))
    named = set()
    for detail in status.details:
        bad = error_details_pb2.BadRequest()
        if detail.Unpack(bad):
            named |= {violation.field for violation in bad.field_violations}
    return named


def new_id():
    return str(uuid.uuid4())


def at(text):
    moment = timestamp_pb2.Timestamp()
    moment.FromJsonString(text)
    return moment


# --- The walk


def walk_reflection(channel):
    """In both of its versions, which differ in the service's name alone."""
    request = reflection_pb2.ServerReflectionRequest(
        file_containing_symbol="dwell.v1.SessionService"
    )
    for version in ("v1", "v1alpha"):
        ask = channel.stream_stream(
            f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )
        listed, described = list(
            ask(
                iter([reflection_pb2.ServerReflectionRequest(list_services=""), request]),
                timeout=PATIENCE,
            )
        )
        names = {service.name for service in listed.list_services_response.service}
        check(
            f"reflection {version} lists the services",
            names >= {"dwell.v1.SessionService", "dwell.v1.UsageStatsService"},
        )
        files = described.file_descriptor_response.file_descriptor_proto
        files = [descriptor_pb2.FileDescriptorProto.FromString(file).name for file in files]
        check(
            f"reflection {version} describes them",
            "dwell/v1/session_service.proto" in files,
        )


def walk_health(channel):
    health = health_pb2_grpc.HealthStub(channel)
    for service in ("", "dwell.v1.SessionService", "dwell.v1.UsageStatsService"):
        answer = health.Check(health_pb2.HealthCheckRequest(service=service), timeout=PATIENCE)
        check(f"health of {service!r} is SERVING", answer.status, SERVING)


def walk_session(api, neighbour, nobody):
    user, session = new_id(), new_id()
    login = sessions.StartSessionRequest(
        user_id=user, session_id=session, client_type="mobile", ip_address="::ffff:10.0.0.1"
    )
    refused("no tenant is UNAUTHENTICATED", nobody.StartSession, login, Code.UNAUTHENTICATED)
    first = api.StartSession(login)
    check("login opens a session", (first.created, first.session.id), (True, session))
    check("it is active", first.session.state, session_pb2.SESSION_STATE_ACTIVE)
    again = api.StartSession(login)
    check("the same login again is the same session", again.created, False)
    check("it starts when it did", again.session.start_time, first.session.start_time)
    login.location = "library"
    refused(
        "another login of the same id is ALREADY_EXISTS",
        api.StartSession,
        login,
        Code.ALREADY_EXISTS,
    )
    by_id = sessions.HeartbeatRequest(session_id=session)
    beat = api.Heartbeat(by_id)
    idle = beat.expire_time.ToDatetime() - beat.last_active_time.ToDatetime()
    check("heartbeat: it has 30 minutes more", idle, datetime.timedelta(minutes=30))

    activity = sessions.LogActivityRequest(
        session_id=session, activity_id=new_id(), activity_type="testing", items_completed=4
    )
    activity.items_correct = 3
    logged = api.LogActivity(activity).activity
    check("activity", (logged.accuracy_percentage, logged.points_earned), (75.0, 3))
    check("the same again is the same", api.LogActivity(activity).activity, logged)
    activity.items_correct = 4
    refused(
        "with other content it is ALREADY_EXISTS",
        api.LogActivity,
        activity,
        Code.ALREADY_EXISTS,
    )

    paused = api.PauseSession(sessions.PauseSessionRequest(session_id=session)).session
    check("pause", paused.state, session_pb2.SESSION_STATE_PAUSED)
    time.sleep(1.2)
    resumed = api.ResumeSession(sessions.ResumeSessionRequest(session_id=session)).session
    check("resume", resumed.state, session_pb2.SESSION_STATE_ACTIVE)
    end = sessions.EndSessionRequest(session_id=session, progress=0.7, notes="two\nlines")
    ended = api.EndSession(end)
    check("logout", (ended.already_ended, ended.session.end_reason), (False, LOGOUT))
    partial = session_pb2.COMPLETION_STATUS_PARTIAL
    check("70 percent done is PARTIAL", ended.session.completion_status, partial)
    length = ended.session.end_time.ToDatetime() - ended.session.start_time.ToDatetime()
    pause = length - ended.session.duration.ToTimedelta()
    check("the pause does not count", 1.1 < pause.total_seconds() < 3)
    ended_again = api.EndSession(sessions.EndSessionRequest(session_id=session))
    check("logout again", ended_again.already_ended)
    check("it is as it ended", ended_again.session, ended.session)
    error = refused(
        "no heartbeat after it: FAILED_PRECONDITION", api.Heartbeat, by_id, Code.FAILED_PRECONDITION
    )
    check("which says why", "ended" in error.details())
    summary = usage.GetUserSummaryRequest(user_id=user)
    got = api.GetUserSummary(summary).summary
    check(
        "user summary",
        (got.login_count, got.open_sessions, got.last_session_start_time),
        (1, 0, first.session.start_time),
    )
    check("its time is the session's", got.total_usage_seconds, ended.session.duration.seconds)

    for method, request in (
        ("GetSession", sessions.GetSessionRequest),
        ("Heartbeat", sessions.HeartbeatRequest),
        ("EndSession", sessions.EndSessionRequest),
        ("PauseSession", sessions.PauseSessionRequest),
        ("ResumeSession", sessions.ResumeSessionRequest),
        ("ListActivities", sessions.ListActivitiesRequest),
    ):
        foreign = refusal(getattr(neighbour, method), request(session_id=session))
        unknown = refusal(getattr(api, method), request(session_id=new_id()))
        check(f"{method} of a neighbour's session is NOT_FOUND", foreign.code(), Code.NOT_FOUND)
        check(
            "to the byte as that of an unknown one",
            (foreign.code(), foreign.details(), trailer(foreign)),
            (unknown.code(), unknown.details(), trailer(unknown)),
        )
    refused("a neighbour's user is NOT_FOUND", neighbour.GetUserSummary, summary, Code.NOT_FOUND)


def walk_input(api):
    bad = sessions.StartSessionRequest(
        user_id="x", session_id="y", client_type="No", ip_address="z", location="a\0b"
    )
    error = refused("bad input is INVALID_ARGUMENT", api.StartSession, bad, Code.INVALID_ARGUMENT)
    wanted = {"user_id", "session_id", "client_type", "ip_address", "location"}
    check("which names every field", fields(error), wanted)
    bad = sessions.RecordSessionRequest(user_id=new_id(), start_time=at("1999-12-31T23:59:59Z"))
    bad.duration.seconds, bad.mood_rating, bad.progress = -1, 9, float("nan")
    error = refused("so is a bad record", api.RecordSession, bad, Code.INVALID_ARGUMENT)
    wanted = {"start_time", "duration", "mood_rating", "progress"}
    check("which names every field", fields(error), wanted)
    bad = usage.GetTenantUsageReportRequest(start_date="2025-02-30", granularity=9)
    error = refused("so is a bad range", api.GetTenantUsageReport, bad, Code.INVALID_ARGUMENT)
    check("which names every field", fields(error), {"start_date", "end_date", "granularity"})
    unknown = sessions.StartSessionRequest(user_id=new_id(), client_type="nowhere")
    error = refused(
        "so is a client type that the tenant does not have",
        api.StartSession,
        unknown,
        Code.INVALID_ARGUMENT,
    )
    check("which names the field", fields(error), {"client_type"})


def walk_record(api):
    """A session of some days ago counts for its own day and is no login."""
    user = new_id()
    start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=3)
    start = start.replace(hour=10, minute=0, second=0, microsecond=0)
    record = sessions.RecordSessionRequest(user_id=user, session_id=new_id())
    record.start_time.FromDatetime(start)
    record.duration.seconds = 1_810
    record.result.words_spoken = 12
    saved = api.RecordSession(record)
    check("a session of three days ago is saved", saved.created)
    check("with its points: 30 minutes by 0.5", saved.session.points_earned, 15)
    again = api.RecordSession(record)
    check("once", (again.created, again.session), (False, saved.session))
    day = start.date().isoformat()
    days = usage.GetUserUsageStatsRequest(user_id=user, start_date=day, end_date=day)
    total = api.GetUserUsageStats(days).total
    check(
        "it counts for its day, with no login",
        (total.active_seconds, total.active_minutes, total.sessions_completed, total.login_count),
        (1_810, 30, 1, 0),
    )


def walk_list(api, neighbour):
    user = new_id()
    for minute in range(5):
        record = sessions.RecordSessionRequest(user_id=user)
        record.start_time.CopyFrom(at(f"2025-03-01T10:0{minute}:00Z"))
        record.duration.seconds = 30
        api.RecordSession(record)
    request = sessions.ListSessionsRequest(user_id=user, page_size=2, include_totals=True)
    pages = []
    while not pages or request.page_token and len(pages) < 10:
        page = api.ListSessions(request)
        pages.append([item.start_time.ToJsonString()[15:16] for item in page.sessions])
        totals = page.totals
        check(
            "a page with totals of all",
            (totals.session_count, totals.total_seconds, totals.average_seconds),
            (5, 150, 30.0),
        )
        if page.next_page_token:
            last_token = page.next_page_token
        request.page_token = page.next_page_token
    check("pages, newest first", pages, [["4", "3"], ["2", "1"], ["0"]])
    request.page_token = last_token
    refused("no token for a neighbour", neighbour.ListSessions, request, Code.INVALID_ARGUMENT)
    request.user_id = ""
    refused("nor for another filter", api.ListSessions, request, Code.INVALID_ARGUMENT)


def walk_reports(api, neighbour):
    """A week of two days of practice, and the month that holds it."""
    user = new_id()
    for day, seconds in (("2025-03-03", 1_800), ("2025-03-05", 3_630)):
        record = sessions.RecordSessionRequest(user_id=user, productivity_rating=5)
        record.start_time.CopyFrom(at(f"{day}T10:00:00Z"))
        record.duration.seconds = seconds
        api.RecordSession(record)
    week = api.GetWeeklyReport(reports.GetWeeklyReportRequest(user_id=user, week="2025-W10"))
    whole = week.summary
    check(
        "a week's sums: 15 and 30 points",
        (whole.total_minutes, whole.total_sessions, whole.points_earned),
        (90, 2, 45),
    )
    check("all of its days", [day.date[-2:] for day in week.days], "03 04 05 06 07 08 09".split())
    check("which add up", sum(day.active_seconds for day in week.days), 5_430)
    check("rated 5, without focus", whole.productivity_score, 80.0)
    parts = [
        api.GetDailyReport(reports.GetDailyReportRequest(user_id=user, date=day.date))
        for day in week.days
    ]
    check("so do its points", sum(part.summary.points_earned for part in parts), 45)
    check("a day tells its sessions", [len(part.sessions) for part in parts], [1, 0, 1, 0, 0, 0, 0])
    asked = reports.GetMonthlyReportRequest(user_id=user, month="2025-03")
    month = api.GetMonthlyReport(asked)
    check("a month has the same", (len(month.days), month.summary.total_minutes), (31, 90))
    check("and five metrics", len(month.performance), 5)
    check("a neighbour has nothing", neighbour.GetMonthlyReport(asked).summary.total_minutes, 0)
    asked.month = "2025-13"
    error = refused("there is no 13th month", api.GetMonthlyReport, asked, Code.INVALID_ARGUMENT)
    check("and says so", fields(error), {"month"})


def walk_export(api, neighbour):
    """Sessions in files, read by Python's own parsers."""
    user = new_id()
    notes = ["plain", '=1+1, "sum"', "two\r\nlines\nand more", "", "-2"]
    for minute, note in enumerate(notes):
        record = sessions.RecordSessionRequest(user_id=user, notes=note)
        record.start_time.CopyFrom(at(f"2025-03-01T10:0{minute}:00.5Z"))
        record.duration.seconds = 90
        record.metadata.update({"n": minute})
        record.result.scores["fluency"] = 80.5
        api.RecordSession(record)
    asked = reports.ExportSessionsRequest(filter=sessions.ListSessionsRequest(user_id=user))
    table = b"".join(answer.chunk for answer in api.ExportSessions(asked)).decode()
    rows = list(csv.DictReader(io.StringIO(table, newline="")))
    harmless = [("'" + note) if note[:1] in ("=", "-") else note for note in notes]
    check("a table, newest first", [row["notes"] for row in rows], harmless[::-1])
    check("times are RFC 3339", rows[0]["start_time"], "2025-03-01T10:04:00.500Z")
    check("numbers are numbers", {float(row["duration_seconds"]) for row in rows}, {90.0})
    check("metadata is JSON", [json.loads(row["metadata"])["n"] for row in rows], [4, 3, 2, 1, 0])
    asked.format = reports.ExportSessionsRequest.FORMAT_NDJSON
    lines = b"".join(answer.chunk for answer in api.ExportSessions(asked)).decode().splitlines()
    listed = api.ListSessions(sessions.ListSessionsRequest(user_id=user)).sessions
    parsed = [json_format.Parse(line, session_pb2.Session()) for line in lines]
    check("lines are the sessions as proto JSON", parsed, list(listed))
    check("a neighbour's file is empty", list(neighbour.ExportSessions(asked)), [])


def record_day(api, user, day, seconds, **fields):
    record = sessions.RecordSessionRequest(user_id=user, progress=1, **fields)
    record.start_time.CopyFrom(at(f"{day}T10:00:00Z"))
    record.duration.seconds = seconds
    return api.RecordSession(record).session.id


def walk_goals(api, neighbour):
    """One goal of each kind that counts by itself, and one by hand that recurs."""
    user, spanish = new_id(), session_pb2.Subject(type="course", id="es")
    march = {"start_date": "2025-03-01", "target_date": "2099-12-31"}

    def set_goal(kind, target, **fields):
        wish = goals.Goal(user_id=user, id=new_id(), name=kind, target_value=target, **fields)
        wish.goal_type = goals.GoalType.Value(f"GOAL_TYPE_{kind}")
        return api.CreateGoal(goals.CreateGoalRequest(goal=wish)).goal

    def get(goal):
        return api.GetGoal(goals.GetGoalRequest(goal_id=goal.id)).goal

    kinds = "STUDY_TIME TEST_SCORE ASSIGNMENT_COMPLETION FLASHCARD_MASTERY STREAK".split()
    counted = [set_goal(kind, 90, **march) for kind in kinds]
    of_spanish = set_goal("STUDY_TIME", 90, subject=spanish, **march)
    record_day(api, user, "2025-02-28", 600)
    record_day(api, user, "2025-03-01", 660)
    last = record_day(api, user, "2025-03-02", 600, subject=spanish)
    for kind, done, right in (("testing", 4, 3), ("assignment", 5, 5), ("flashcards", 10, 4)):
        activity = sessions.LogActivityRequest(session_id=last, activity_type=kind)
        activity.start_time.CopyFrom(at("2025-03-02T10:01:00Z"))
        activity.items_completed, activity.items_correct = done, right
        api.LogActivity(activity)
    # A streak that is over is shown as 0.
    wanted = [21.0, 75.0, 5.0, 40.0, 0.0]
    check("goals count by themselves", [get(goal).current_value for goal in counted], wanted)
    check("and by subject", get(of_spanish).current_value, 10.0)

    def update(goal, path, **change):
        wish = goals.UpdateGoalRequest(goal=goals.Goal(id=goal.id, **change))
        wish.update_mask.paths.append(path)
        return api.UpdateGoal(wish).goal.status

    statuses = [
        update(of_spanish, "status", status=goals.GOAL_STATUS_ABANDONED),
        update(of_spanish, "status", status=goals.GOAL_STATUS_ACTIVE),
        update(of_spanish, "target_value", target_value=10),
    ]
    wanted = [goals.GOAL_STATUS_ABANDONED, goals.GOAL_STATUS_ACTIVE, goals.GOAL_STATUS_COMPLETED]
    check("abandoned, back, and reached", statuses, wanted)

    weekly = set_goal("CUSTOM", 8, recurrence=goals.GOAL_RECURRENCE_WEEKLY, target_date="2099-06-01")
    steps = [
        api.RecordGoalProgress(goals.RecordGoalProgressRequest(goal_id=weekly.id, value=value))
        for value in (1, 4.5, 8)
    ]
    names = ["", "50% Complete", "100% Complete"]
    check("milestones by hand", [step.progress.milestone_name for step in steps], names)
    check("the last completes it", steps[-1].goal.status, goals.GOAL_STATUS_COMPLETED)
    asked = goals.ListGoalProgressRequest(goal_id=weekly.id)
    days = api.ListGoalProgress(asked).progress
    check("the day has its latest value", [day.value for day in days], [8.0])
    again = goals.RecordGoalProgressRequest(goal_id=weekly.id, value=9)
    refused("it moves no more", api.RecordGoalProgress, again, Code.FAILED_PRECONDITION)

    asked = goals.ListGoalsRequest(user_id=user, page_size=3)
    pages = []
    while not pages or asked.page_token and len(pages) < 10:
        page = api.ListGoals(asked)
        pages.append([(goal.target_date, goal.status) for goal in page.goals])
        asked.page_token = page.next_page_token
    check("goals come in pages", [len(page) for page in pages], [3, 3, 2])
    wanted = [("2099-06-01", 2), ("2099-06-08", 1)]
    check("the next week's goal is open", pages[0][:2], wanted)
    check("a neighbour lists none", list(neighbour.ListGoals(asked).goals), [])
    foreign = refusal(neighbour.GetGoal, goals.GetGoalRequest(goal_id=weekly.id))
    unknown = refusal(api.GetGoal, goals.GetGoalRequest(goal_id=new_id()))
    check(
        "a neighbour's goal is NOT_FOUND, as an unknown one",
        (foreign.code(), foreign.details(), trailer(foreign)),
        (Code.NOT_FOUND, unknown.details(), trailer(unknown)),
    )


def walk_privacy(api, neighbour):
    """What is kept of a person is what goes, and it does not come back."""
    user, other = new_id(), new_id()
    for person in (user, other):
        for day in ("2025-01-02", "2025-01-03"):
            session = record_day(api, person, day, 600)
        api.LogActivity(sessions.LogActivityRequest(session_id=session, activity_type="reading"))
    wish = goals.Goal(user_id=user, id=new_id(), goal_type=goals.GOAL_TYPE_CUSTOM, name="Forget")
    wish.target_value, wish.target_date = 2, "2099-12-31"
    api.CreateGoal(goals.CreateGoalRequest(goal=wish))
    api.RecordGoalProgress(goals.RecordGoalProgressRequest(goal_id=wish.id, value=1))

    told = tenants.ExportUserDataRequest(user_id=user)
    file = b"".join(answer.chunk for answer in api.ExportUserData(told)).decode()
    tables = [json.loads(line)["table"] for line in file.splitlines()]
    kept = {table: tables.count(table) for table in tables}
    check("everything about a user begins with the user", tables[0], "users")
    wanted = {"user_sessions": 2, "session_activities": 1, "goals": 1, "goal_progress": 1}
    check("and has all the rest", {table: kept.get(table) for table in wanted}, wanted)
    check("nobody else is named", other in file, False)

    year = usage.GetTenantUsageReportRequest(start_date="2025-01-01", end_date="2025-01-31")
    before = api.GetTenantUsageReport(year)
    asked = tenants.DeleteUserDataRequest(user_id=user, dry_run=True)
    refused("a neighbour deletes nobody", neighbour.DeleteUserData, asked, Code.NOT_FOUND)
    counted = api.DeleteUserData(asked)
    rows = {table: count for table, count in counted.deleted_rows.items() if count}
    check("a dry run counts what was told", (rows, counted.HasField("delete_time")), (kept, False))
    asked.dry_run = False
    deleted = api.DeleteUserData(asked)
    check("so does the deletion's receipt", deleted.deleted_rows, counted.deleted_rows)
    again = api.DeleteUserData(asked)
    check("again, there is nothing", set(again.deleted_rows.values()), {0})
    check("and it was then", again.delete_time, deleted.delete_time)
    check("the tenant keeps its sums", api.GetTenantUsageReport(year), before)
    refused("nothing is left to tell", api.ExportUserData, told, Code.NOT_FOUND)
    refused("its goal is gone", api.GetGoal, goals.GetGoalRequest(goal_id=wish.id), Code.NOT_FOUND)
    for method, late in (
        ("StartSession", sessions.StartSessionRequest(user_id=user)),
        ("CreateGoal", goals.CreateGoalRequest(goal=wish)),
        ("RecordUsage", usage.RecordUsageRequest(user_id=user, increment={"active_seconds": 1})),
    ):
        refused(f"a late {method} is refused", getattr(api, method), late, Code.FAILED_PRECONDITION)

    purge = tenants.PurgeSessionsRequest(before=at("2025-01-03T00:00:00Z"), dry_run=True)
    check("a dry purge counts", api.PurgeSessions(purge).purged_count, 1)
    purge.dry_run = False
    check("the other's day goes", api.PurgeSessions(purge).purged_count, 1)
    check("once", api.PurgeSessions(purge).purged_count, 0)
    left = api.ListSessions(sessions.ListSessionsRequest(user_id=other)).sessions
    check("the next day's stays", [each.start_time.ToJsonString()[:10] for each in left], ["2025-01-03"])
    check("and the sums", api.GetTenantUsageReport(year), before)


def walk_usage(api, neighbour):
    user, request_id = new_id(), new_id()
    record = usage.RecordUsageRequest(user_id=user, date="2024-12-31", request_id=request_id)
    record.increment.active_seconds = 119
    record.increment.feature_usage["export"] = 2
    first = api.RecordUsage(record).usage
    check("recorded usage", (first.active_minutes, dict(first.feature_usage)), (1, {"export": 2}))
    check("counted once for its request_id", api.RecordUsage(record).usage, first)
    record.increment.active_seconds = 1
    refused("other content: ALREADY_EXISTS", api.RecordUsage, record, Code.ALREADY_EXISTS)
    far = usage.RecordUsageRequest(user_id=user, date="2099-01-01")
    far.increment.login_count = 1
    error = refused("a day far ahead is refused", api.RecordUsage, far, Code.INVALID_ARGUMENT)
    check("which names the field", fields(error), {"date"})

    messages = []
    for day in ("2024-12-30", "2024-12-31", "2025-01-01", "2025-01-02"):
        message = usage.ImportUsageRequest()
        message.record.user_id, message.record.date = user, day
        message.record.increment.simulation_runs = 1
        messages.append(message)
    messages.insert(2, usage.ImportUsageRequest())
    answers = list(api.ImportUsage(iter(messages)))
    check("import: one answer for each message", [a.index for a in answers], [0, 1, 2, 3, 4])
    check("a bad one in the middle ends nothing", [a.code for a in answers], [0, 0, 3, 0, 0])
    check("and says what is wrong", "user_id" in answers[2].message)

    report = usage.GetTenantUsageReportRequest(start_date="2024-12-01", end_date="2025-01-31")
    wanted = {
        period_pb2.GRANULARITY_DAY: [
            ("2024-12-30", "2024-12-30", 1, 1, 1),
            ("2024-12-31", "2024-12-31", 1, 0, 1),
            ("2025-01-01", "2025-01-01", 1, 0, 1),
            ("2025-01-02", "2025-01-02", 1, 0, 1),
        ],
        period_pb2.GRANULARITY_WEEK: [("2024-12-30", "2025-01-05", 1, 1, 4)],
        period_pb2.GRANULARITY_MONTH: [
            ("2024-12-01", "2024-12-31", 1, 1, 2),
            ("2025-01-01", "2025-01-31", 1, 0, 2),
        ],
    }
    for report.granularity, periods in wanted.items():
        answer = api.GetTenantUsageReport(report)
        name = period_pb2.Granularity.Name(report.granularity)
        got = [
            (p.start_date, p.end_date, p.active_users, p.new_users, p.simulation_runs)
            for p in answer.periods
        ]
        check(f"report by {name}", got, periods)
        total = answer.total
        check(
            "its total",
            (total.active_users, total.new_users, total.active_seconds, total.simulation_runs),
            (1, 1, 119, 4),
        )

    wanted = usage.StreamUsageStatsRequest(start_date="2024-12-30", end_date="2025-01-02")
    stream = api.StreamUsageStats(wanted)
    rows = [next(stream), next(stream)]
    stream.cancel()
    wanted.resume_token = rows[-1].resume_token
    rows += list(api.StreamUsageStats(wanted))
    check(
        "a stream of usage goes on where its token says",
        [row.usage.date for row in rows],
        ["2024-12-30", "2024-12-31", "2025-01-01", "2025-01-02"],
    )
    refused("not for a neighbour", neighbour.StreamUsageStats, wanted, Code.INVALID_ARGUMENT)
    wanted.resume_token = "A" + wanted.resume_token[1:-1] + "AA"
    error = refused(
        "nor where it is forged", api.StreamUsageStats, wanted, Code.INVALID_ARGUMENT
    )
    check("which names the field", fields(error), {"resume_token"})


def walk_heartbeats(api):
    opened = [
        api.StartSession(sessions.StartSessionRequest(user_id=new_id())).session.id
        for _ in range(3)
    ]
    ids = [opened[0], "nonsense", opened[1], new_id(), opened[2]]
    messages = [sessions.StreamHeartbeatsRequest(session_id=each) for each in ids]
    answers = list(api.StreamHeartbeats(iter(messages)))
    check("stream of heartbeats: answers in order", [a.session_id for a in answers], ids)
    check("bad ones end nothing", [a.code for a in answers], [0, 3, 0, 5, 0])


def walk_watch(api, twin, neighbour):
    """What one instance writes, whoever watches at the other is told."""
    user = new_id()
    stream = twin.WatchSessions(sessions.WatchSessionsRequest(user_id=user), timeout=20)
    first = next(stream)
    check("a watch begins with a token alone", (first.HasField("event"), first.resume_token != ""), (False, True))
    begun = api.StartSession(sessions.StartSessionRequest(user_id=user)).session
    api.StartSession(sessions.StartSessionRequest(user_id=new_id()))
    event = next(stream)
    check("a start at the other instance is told", event.event.session, begun)
    token = event.resume_token
    api.PauseSession(sessions.PauseSessionRequest(session_id=begun.id))
    twin.ResumeSession(sessions.ResumeSessionRequest(session_id=begun.id))
    api.EndSession(sessions.EndSessionRequest(session_id=begun.id, notes="done"))
    kinds = [next(stream).event.kind for _ in range(3)]
    kind = sessions.SessionEvent.Kind.Value
    wanted = [kind("KIND_PAUSED"), kind("KIND_RESUMED"), kind("KIND_ENDED")]
    check("and what follows, in order", kinds, wanted)
    stream.cancel()
    again = sessions.WatchSessionsRequest(user_id=user, resume_token=token)
    stream = api.WatchSessions(again, timeout=20)
    next(stream)
    check("a token goes on at any instance", [next(stream).event.kind for _ in range(3)], wanted)
    stream.cancel()
    refused("not for a neighbour", neighbour.WatchSessions, again, Code.INVALID_ARGUMENT)
    again.user_id = ""
    refused("nor for everyone's", api.WatchSessions, again, Code.INVALID_ARGUMENT)


class Watcher:
    """One that goes on wherever it was, whatever becomes of the server."""

    def __init__(self):
        self.token, self.told, self.ends = "", [], []

    def watch(self, channel):
        request = sessions.WatchSessionsRequest(resume_token=self.token)
        stream = Api(channel, TENANT).WatchSessions(request, timeout=60)
        self.token = next(stream).resume_token
        self.thread = threading.Thread(target=self.listen, args=[stream])
        self.thread.start()

    def listen(self, stream):
        try:
            for message in stream:
                self.token = message.resume_token
                if message.event.kind == sessions.SessionEvent.KIND_STARTED:
                    self.told.append(message.event.session.id)
        except grpc.RpcError as error:
            self.ends.append(error.code())

    def hears(self, wanted):
        until = time.monotonic() + 15
        while not wanted <= set(self.told) and time.monotonic() < until:
            time.sleep(0.05)
        return wanted <= set(self.told)


def walk_bulk(api):
    def message():
        request = usage.ImportUsageRequest()
        request.record.user_id, request.record.date = new_id(), "2025-03-01"
        request.record.increment.documents_accessed = 1
        return request

    answers = api.ImportUsage((message() for _ in range(BULK)), timeout=120)
    codes = [answer.code for answer in answers]
    check(f"an import of {BULK}: each is answered", (len(codes), set(codes)), (BULK, {0}))
    day = usage.GetTenantUsageReportRequest(start_date="2025-03-01", end_date="2025-03-01")
    total = api.GetTenantUsageReport(day).total
    check("and counts once", (total.active_users, total.documents_accessed), (BULK, BULK))


class Writers:
    """Callers that keep writing. Each knows what was answered, and what it tried."""

    def __init__(self, channel, count=4):
        self.user = new_id()
        self.tried, self.answered, self.other = [], [], []
        self.halt = threading.Event()
        self.threads = [threading.Thread(target=self.write, args=[channel]) for _ in range(count)]
        for thread in self.threads:
            thread.start()
        time.sleep(0.7)

    def usage(self, request_id):
        record = usage.RecordUsageRequest(
            user_id=self.user, date="2025-05-05", request_id=request_id
        )
        record.increment.documents_accessed = 1
        return record

    def write(self, channel):
        api = Api(channel, TENANT)
        while not self.halt.is_set():
            session, request = new_id(), new_id()
            try:
                api.StartSession(
                    sessions.StartSessionRequest(user_id=new_id(), session_id=session), timeout=3
                )
                self.tried.append(request)
                api.RecordUsage(self.usage(request), timeout=3)
                self.answered.append((session, request))
            except grpc.RpcError as error:
                self.other.append(error.code())
                return

    def stop(self):
        self.halt.set()
        for thread in self.threads:
            thread.join()

    def verify(self, api, name):
        check(f"{name}: many writes were answered", len(self.answered) > 10)
        lost = 0
        for session, _ in self.answered:
            lost += refusal(api.GetSession, sessions.GetSessionRequest(session_id=session)) is not None
        check(f"{name}: every answered session is there", lost, 0)
        for request in self.tried:
            day = api.RecordUsage(self.usage(request)).usage
        check(
            f"{name}: sent again, all usage is counted exactly once",
            day.documents_accessed,
            len(self.tried),
        )


def walk_the_end(start, server):
    """SIGTERM and SIGKILL with calls in flight, each with a start after it."""
    watch = health_pb2_grpc.HealthStub(server.channel).Watch(
        health_pb2.HealthCheckRequest(), timeout=20
    )
    check("health can be watched", next(watch).status, SERVING)
    hold = threading.Event()

    def one_and_wait():
        yield sessions.StreamHeartbeatsRequest(session_id=new_id())
        hold.wait(20)

    gateway = Api(server.channel, TENANT).StreamHeartbeats(one_and_wait(), timeout=20)
    next(gateway)
    watcher = Watcher()
    watcher.watch(server.channel)
    writers = Writers(server.channel)
    begun = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    try:
        last = next(watch).status
    except (grpc.RpcError, StopIteration):
        last = "over"
    check("SIGTERM: a watcher hears NOT_SERVING", last, health_pb2.HealthCheckResponse.NOT_SERVING)
    check("an open stream ends with UNAVAILABLE", refusal(lambda _: gateway, None).code(), Code.UNAVAILABLE)
    with grpc.insecure_channel(server.address) as late:
        try:
            health = health_pb2_grpc.HealthStub(late).Check(
                health_pb2.HealthCheckRequest(), timeout=2
            )
            state = health.status
        except grpc.RpcError as error:
            state = error.code()
    check(
        "a new caller is refused or told NOT_SERVING",
        state in (Code.UNAVAILABLE, health_pb2.HealthCheckResponse.NOT_SERVING),
    )
    try:
        code = server.process.wait(15)
    except subprocess.TimeoutExpired:
        code = "still there"
    took = time.monotonic() - begun
    hold.set()
    writers.stop()
    watcher.thread.join()
    check("a watch of sessions ends with UNAVAILABLE too", watcher.ends, [Code.UNAVAILABLE])
    check("it exits with 0", code, 0)
    check(f"within 10 seconds ({took:.1f})", took < 10)
    check("refused calls were UNAVAILABLE", set(writers.other), {Code.UNAVAILABLE})
    server = start("dwell").listening()
    writers.verify(Api(server.channel, TENANT), "after SIGTERM")
    watcher.watch(server.channel)
    wanted = {session for session, _ in writers.answered}

    writers = Writers(server.channel)
    server.kill()
    writers.stop()
    watcher.thread.join()
    server = start("dwell").listening()
    writers.verify(Api(server.channel, TENANT), "after kill -9")
    watcher.watch(server.channel)
    wanted |= {session for session, _ in writers.answered}
    check("who watches again is told of every session", watcher.hears(wanted))
    check("and of each once", len(watcher.told), len(set(watcher.told)))
    server.process.terminate()
    watcher.thread.join()
    server = start("dwell").listening()
    return server


def walk(binary, engine, folder, servers):
    url = f"sqlite://{folder}/dwell.db"
    if engine == "postgres":
        (folder / "postgres").mkdir()
        folder.chmod(0o711)  # For PostgreSQL's own user.
        url = subprocess.check_output(
            [ROOT / "scripts/temp-postgres", "start", folder / "postgres"], text=True, timeout=60
        ).strip()

    def start(name):
        server = Server(binary, url, folder, name)
        servers.append(server)
        return server

    # Two instances on one empty database: the schema is made once, under a lock.
    server, twin = start("dwell"), start("twin")
    for each in (server, twin):
        each.listening()
        walk_health(each.channel)
    api, neighbour = Api(server.channel, TENANT), Api(twin.channel, NEIGHBOUR)
    walk_reflection(server.channel)
    walk_session(api, neighbour, Api(server.channel, None))
    walk_input(api)
    walk_record(api)
    walk_list(api, neighbour)
    walk_reports(api, neighbour)
    walk_export(api, neighbour)
    walk_goals(api, neighbour)
    walk_privacy(Api(server.channel, new_id()), neighbour)
    walk_usage(api, neighbour)
    walk_heartbeats(api)
    walk_watch(api, Api(twin.channel, TENANT), neighbour)
    walk_bulk(Api(server.channel, new_id()))
    opened = api.StartSession(sessions.StartSessionRequest(user_id=new_id())).session.id
    ended = Api(twin.channel, TENANT).EndSession(sessions.EndSessionRequest(session_id=opened))
    check("the twin ends what the other began", ended.session.end_reason, LOGOUT)
    twin.process.terminate()
    check("the twin ends", twin.process.wait(15), 0)
    walk_the_end(start, server)
    errors = [
        line
        for log in folder.glob("*.log")
        for line in log.read_text().splitlines()
        if " ERROR " in line or "panicked" in line
    ]
    check("no line of level error in the log", errors, [])


def generate(folder):
    protos = sorted(str(path) for path in ROOT.glob("proto/dwell/v1/*.proto"))
    include = pathlib.Path(protoc.__file__).parent / "_proto"
    made = protoc.main(
        ["protoc", f"-I{ROOT}/proto", f"-I{include}", f"--python_out={folder}"]
        + [f"--grpc_python_out={folder}"]
        + protos
    )
    if made != 0:
        sys.exit("protoc failed")
    sys.path.insert(0, str(folder))


def main():
    if len(sys.argv) != 3 or sys.argv[2] not in ("sqlite", "postgres"):
        sys.exit(__doc__)
    # So that what is started is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    binary, engine = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "stubs").mkdir()
        generate(folder / "stubs")
        load()
        servers = []
        try:
            walk(binary, engine, folder, servers)
        finally:
            for server in servers:
                server.kill()
            if (folder / "postgres").exists():
                subprocess.call([ROOT / "scripts/temp-postgres", "stop", folder / "postgres"])
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 1 if tally.failed else 0


def load():
    """The generated modules, by the names used above."""
    for name, module in {
        "session_pb2": "session_pb2",
        "period_pb2": "period_pb2",
        "sessions": "session_service_pb2",
        "sessions_grpc": "session_service_pb2_grpc",
        "usage": "usage_stats_service_pb2",
        "usage_grpc": "usage_stats_service_pb2_grpc",
        "tenants": "tenant_service_pb2",
        "tenants_grpc": "tenant_service_pb2_grpc",
        "goals": "goal_service_pb2",
        "goals_grpc": "goal_service_pb2_grpc",
        "reports": "report_service_pb2",
        "reports_grpc": "report_service_pb2_grpc",
    }.items():
        globals()[name] = importlib.import_module(f"dwell.v1.{module}")
    globals()["LOGOUT"] = session_pb2.END_REASON_LOGOUT


SERVING = health_pb2.HealthCheckResponse.SERVING

if __name__ == "__main__":
    sys.exit(main())
