// A client of dwell: logs a user in, says that the user is still there until Ctrl-C, logs out
// and reads what it adds up to. It outlives restarts of the server.

import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import {
  ChannelCredentials,
  ClientError,
  Metadata,
  Status,
  createChannel,
  createClientFactory,
  type CallOptions,
  type Client,
  type ClientMiddlewareCall,
} from "nice-grpc";
import {
  BadRequest,
  RetryInfo,
  RichClientError,
  errorDetailsClientMiddleware,
} from "nice-grpc-error-details";
import { InsightsServiceDefinition } from "./gen/dwell/v1/insights_service.js";
import { CompletionStatus, EndReason, SessionState } from "./gen/dwell/v1/session.js";
import { SessionServiceDefinition } from "./gen/dwell/v1/session_service.js";
import { UsageStatsServiceDefinition } from "./gen/dwell/v1/usage_stats_service.js";

// All in milliseconds. For one attempt: without a deadline a call to a server that hangs hangs
// with it. dwell itself waits 5 seconds for its database, and what it says then is worth hearing.
const PATIENCE = 10_000;
// After it the logout is not tried again: somebody waits for the program to end.
const FAREWELL = 15_000;
const FIRST_DELAY = 250;
const MAX_DELAY = 5_000;
const DAY = 24 * 60 * 60 * 1000;
// What may be over soon. CANCELLED, where we did not cancel, is how a server may say that the
// deadline passed.
const PASSING = [Status.UNAVAILABLE, Status.DEADLINE_EXCEEDED, Status.CANCELLED];

const env = process.env;
const channel = connect();
const clients = createClientFactory().use(errorDetailsClientMiddleware).use(retry);
const identified = { "*": { metadata: identity() } };
const sessions = clients.create(SessionServiceDefinition, channel, identified);
const user = env.DWELL_USER ?? "0b6d9a52-7c1e-4f7b-8d34-9f1c2a6e5b70";
// Our own id makes the login safe to repeat: the server knows it again.
const sessionId = randomUUID();

/** Logs in and sends heartbeats, until the signal comes or a call is refused. */
async function stay(signal: AbortSignal): Promise<void> {
  const login = { userId: user, sessionId, clientType: "web" };
  const started = await sessions.startSession(login, { signal });
  console.log(`logged in: session ${started.session?.id}`);
  const beat = Number(env.DWELL_HEARTBEAT_MS ?? 30_000);
  for (let n = 1; ; n++) {
    await sleep(beat, undefined, { signal });
    const alive = await sessions.heartbeat({ sessionId }, { signal });
    console.log(`heartbeat ${n}: ${SessionState[alive.state]}`);
  }
}

/** Logs out and tells what the user's sessions add up to. */
async function leave(signal: AbortSignal): Promise<void> {
  const { session } = await sessions.endSession({ sessionId }, { signal });
  if (!session?.startTime || !session.endTime) {
    throw new Error("a session that ended has a start and an end");
  }
  const reason = EndReason[session.endReason];
  console.log(`logged out: ${reason}, ${CompletionStatus[session.completionStatus]}`);

  // Days are those of the tenant's time zone, at most one off from ours.
  const date = (time: number) => new Date(time).toISOString().slice(0, 10);
  const usage = clients.create(UsageStatsServiceDefinition, channel, identified);
  const { total } = await usage.getUserUsageStats(
    {
      userId: user,
      startDate: date(session.startTime.getTime() - DAY),
      endDate: date(session.endTime.getTime() + DAY),
    },
    { signal },
  );
  console.log(
    `usage: ${total?.loginCount} logins, ${total?.sessionsCompleted} sessions completed, ` +
      `${total?.activeSeconds} s`,
  );

  const insights = clients.create(InsightsServiceDefinition, channel, identified);
  const figures = await insights.getUserStatistics({ userId: user }, { signal });
  console.log(
    `statistics: ${figures.totalSessions} sessions, ` +
      `streak of ${figures.currentStreakDays} days, ` +
      `${figures.completionRatePercentage.toFixed(0)}% completed`,
  );
}

/**
 * The one channel of the program: it is safe to share, connects at the first call and again
 * whenever a call finds the connection gone.
 */
function connect() {
  const credentials = env.DWELL_CA
    ? ChannelCredentials.createSsl(readFileSync(env.DWELL_CA))
    : ChannelCredentials.createInsecure();
  const deadlines = { methodConfig: [{ name: [{}], timeout: `${PATIENCE / 1000}s` }] };
  return createChannel(env.DWELL_ADDRESS ?? "127.0.0.1:50051", credentials, {
    // The deadline of every call; the server is told of it.
    "grpc.service_config": JSON.stringify(deadlines),
    // By default the channel lets up to two minutes pass between attempts to connect, and every
    // call in between fails at once.
    "grpc.initial_reconnect_backoff_ms": FIRST_DELAY,
    "grpc.max_reconnect_backoff_ms": MAX_DELAY,
    // Between heartbeats nothing is sent, and a router forgets a silent connection without a
    // word. Pings keep it, and find out when it is dead.
    "grpc.keepalive_time_ms": 10_000,
    "grpc.keepalive_permit_without_calls": 1,
  });
}

/** Who calls: metadata of every call. */
function identity(): Metadata {
  const identity = Metadata();
  identity.set("x-tenant-id", env.DWELL_TENANT ?? "7f0c1f3e-5a51-4e0a-9a63-3d2f4b8f6c11");
  if (env.DWELL_TOKEN) {
    identity.set("authorization", `Bearer ${env.DWELL_TOKEN}`);
  }
  return identity;
}

/**
 * Repeats a call, later and later, until it is answered, refused, or the signal comes. All
 * calls of this program may be repeated: even one that was not answered in time.
 */
async function* retry<Request, Response>(
  call: ClientMiddlewareCall<Request, Response>,
  options: CallOptions,
) {
  for (let delay = FIRST_DELAY; ; delay = Math.min(2 * delay, MAX_DELAY)) {
    try {
      return yield* call.next(call.request, options);
    } catch (failed) {
      if (!(failed instanceof ClientError)) throw failed;
      const asked = detail(failed, RetryInfo)?.retryDelay;
      if (!asked && !PASSING.includes(failed.code)) throw failed;
      if (delay === FIRST_DELAY) {
        console.error(`${name(failed)}: ${Status[failed.code]}, trying again`);
      }
      // Not all clients at the same moment, and none sooner than the server asked for.
      const jittered = delay * (0.5 + Math.random() / 2);
      const wait = asked ? Number(asked.seconds) * 1000 + asked.nanos / 1e6 : 0;
      await sleep(Math.max(wait, jittered), undefined, { signal: options.signal }).catch(() => {
        throw failed;
      });
    }
  }
}

/** The google.rpc detail of that type that an error came with. */
function detail<T extends { $type: string }>(
  failed: ClientError,
  type: { $type: T["$type"]; decode(input: Uint8Array): T },
): T | undefined {
  const details = failed instanceof RichClientError ? failed.extra : [];
  return details.find((one) => one.$type === type.$type) as T | undefined;
}

/** The method that failed, without its service. */
function name(failed: ClientError): string {
  return failed.path.slice(failed.path.lastIndexOf("/") + 1);
}

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"]) {
  // Once: a second Ctrl-C ends the program at once.
  process.once(signal, () => stop.abort());
}
try {
  await stay(stop.signal).catch((failed: unknown) => {
    if (!stop.signal.aborted) throw failed;
  });
  await leave(AbortSignal.timeout(FAREWELL));
} catch (failed) {
  process.exitCode = 1;
  if (failed instanceof ClientError) {
    console.error(`${name(failed)}: ${Status[failed.code]}: ${failed.details}`);
    for (const { field, description } of detail(failed, BadRequest)?.fieldViolations ?? []) {
      console.error(`  ${field}: ${description}`);
    }
  } else {
    console.error(failed);
  }
}
channel.close();
