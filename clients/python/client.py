"""A client of dwell: logs a user in, says that the user is still there until Ctrl-C, logs out
and reads what it adds up to. It outlives restarts of the server."""

import datetime
import math
import os
import pathlib
import random
import signal
import sys
import time
import uuid

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

# Generated modules import each other from here.
sys.path.insert(0, str(pathlib.Path(__file__).parent / "gen"))
from dwell.v1 import (  # noqa: E402
    insights_service_pb2 as insights,
    insights_service_pb2_grpc as insights_grpc,
    session_pb2 as session,
    session_service_pb2 as sessions,
    session_service_pb2_grpc as sessions_grpc,
    usage_stats_service_pb2 as usage,
    usage_stats_service_pb2_grpc as usage_grpc,
)

# All in seconds. For one attempt: without a deadline a call to a server that hangs hangs with
# it. dwell itself waits 5 seconds for its database, and what it says then is worth hearing.
PATIENCE = 10
# After it the logout is not tried again: somebody waits for the program to end.
FAREWELL = 15
FIRST_DELAY = 0.25
MAX_DELAY = 5
DAY = datetime.timedelta(days=1)
# What may be over soon. CANCELLED, where we did not cancel, is how a server may say that the
# deadline passed.
PASSING = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
)


class Client:
    def __init__(self, channel):
        self.sessions = sessions_grpc.SessionServiceStub(channel)
        self.usage = usage_grpc.UsageStatsServiceStub(channel)
        self.insights = insights_grpc.InsightsServiceStub(channel)
        self.identity = identity()
        self.user = os.environ.get("DWELL_USER", "0b6d9a52-7c1e-4f7b-8d34-9f1c2a6e5b70")
        # Our own id makes the login safe to repeat: the server knows it again.
        self.session = str(uuid.uuid4())

    def stay(self, beat):
        """Logs in and sends heartbeats, until interrupted or refused."""
        login = sessions.StartSessionRequest(
            user_id=self.user, session_id=self.session, client_type="web"
        )
        started = self.call(self.sessions, "StartSession", login)
        print("logged in: session", started.session.id)
        n = 0
        while True:
            time.sleep(beat)
            n += 1
            request = sessions.HeartbeatRequest(session_id=self.session)
            alive = self.call(self.sessions, "Heartbeat", request)
            print(f"heartbeat {n}: {session.SessionState.Name(alive.state)}")

    def leave(self):
        """Logs out and tells what the user's sessions add up to."""
        until = time.monotonic() + FAREWELL
        end = sessions.EndSessionRequest(session_id=self.session)
        ended = self.call(self.sessions, "EndSession", end, until).session
        reason = session.EndReason.Name(ended.end_reason)
        print(f"logged out: {reason}, {session.CompletionStatus.Name(ended.completion_status)}")

        # Days are those of the tenant's time zone, at most one off from ours.
        days = usage.GetUserUsageStatsRequest(
            user_id=self.user,
            start_date=str(ended.start_time.ToDatetime().date() - DAY),
            end_date=str(ended.end_time.ToDatetime().date() + DAY),
        )
        total = self.call(self.usage, "GetUserUsageStats", days, until).total
        print(
            f"usage: {total.login_count} logins, {total.sessions_completed} sessions completed, "
            f"{total.active_seconds} s"
        )

        whose = insights.GetUserStatisticsRequest(user_id=self.user)
        figures = self.call(self.insights, "GetUserStatistics", whose, until)
        print(
            f"statistics: {figures.total_sessions} sessions, "
            f"streak of {figures.current_streak_days} days, "
            f"{figures.completion_rate_percentage:.0f}% completed"
        )

    def call(self, service, method, request, until=math.inf):
        """Repeats a call, later and later, until it is answered, refused, or it is too late.

        All calls of this program may be repeated: even one that was not answered in time.
        """
        delay = FIRST_DELAY
        while True:
            try:
                attempt = getattr(service, method)
                return attempt(request, timeout=PATIENCE, metadata=self.identity)
            except grpc.RpcError as failed:
                asked = detail(failed, error_details_pb2.RetryInfo)
                # Not all clients at the same moment, and none sooner than the server asked for.
                wait = random.uniform(delay / 2, delay)
                if asked:
                    wait = max(wait, asked.retry_delay.ToTimedelta().total_seconds())
                again = asked or failed.code() in PASSING
                if not again or time.monotonic() + wait > until:
                    raise CallFailed(method, failed) from None
                if delay == FIRST_DELAY:
                    print(f"{method}: {failed.code().name}, trying again", file=sys.stderr)
            time.sleep(wait)
            delay = min(2 * delay, MAX_DELAY)


class CallFailed(Exception):
    """A call that is not tried again."""

    def __init__(self, method, failed):
        super().__init__(f"{method}: {failed.code().name}: {failed.details()}")
        bad = detail(failed, error_details_pb2.BadRequest)
        self.violations = bad.field_violations if bad else []


def detail(failed, kind):
    """The google.rpc detail of that kind that an error came with, or None."""
    status = rpc_status.from_call(failed)
    for packed in status.details if status else []:
        unpacked = kind()
        if packed.Unpack(unpacked):
            return unpacked
    return None


def connect():
    """The one channel of the program: it is safe to share, connects at the first call and
    again whenever a call finds the connection gone."""
    address = os.environ.get("DWELL_ADDRESS", "127.0.0.1:50051")
    options = {
        # By default the channel lets up to two minutes pass between attempts to connect, and
        # every call in between fails at once.
        "grpc.initial_reconnect_backoff_ms": int(FIRST_DELAY * 1000),
        "grpc.min_reconnect_backoff_ms": int(FIRST_DELAY * 1000),
        "grpc.max_reconnect_backoff_ms": MAX_DELAY * 1000,
        # Between heartbeats nothing is sent, and a router forgets a silent connection without a
        # word. Pings keep it, and find out when it is dead.
        "grpc.keepalive_time_ms": 10_000,
        "grpc.keepalive_permit_without_calls": 1,
        "grpc.http2.max_pings_without_data": 0,
    }
    ca = os.environ.get("DWELL_CA")
    if ca:
        trusted = grpc.ssl_channel_credentials(pathlib.Path(ca).read_bytes())
        return grpc.secure_channel(address, trusted, list(options.items()))
    return grpc.insecure_channel(address, list(options.items()))


def identity():
    """Who calls: metadata of every call."""
    tenant = os.environ.get("DWELL_TENANT", "7f0c1f3e-5a51-4e0a-9a63-3d2f4b8f6c11")
    token = os.environ.get("DWELL_TOKEN")
    return [("x-tenant-id", tenant)] + ([("authorization", f"Bearer {token}")] if token else [])


def main():
    beat = float(os.environ.get("DWELL_HEARTBEAT_MS", "30000")) / 1000
    sys.stdout.reconfigure(line_buffering=True)
    # As Ctrl-C: it raises KeyboardInterrupt, wherever we are.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with connect() as channel:
        client = Client(channel)
        try:
            try:
                client.stay(beat)
            except KeyboardInterrupt:
                client.leave()
        except CallFailed as failed:
            print(failed, file=sys.stderr)
            for violation in failed.violations:
                print(f"  {violation.field}: {violation.description}", file=sys.stderr)
            sys.exit(1)


if __name__ == "__main__":
    main()
