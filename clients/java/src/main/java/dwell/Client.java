package dwell;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.Timestamp;
import com.google.rpc.BadRequest;
import com.google.rpc.RetryInfo;
import dwell.v1.InsightsServiceGrpc;
import dwell.v1.InsightsServiceOuterClass.GetUserStatisticsRequest;
import dwell.v1.SessionServiceGrpc;
import dwell.v1.SessionServiceOuterClass.EndSessionRequest;
import dwell.v1.SessionServiceOuterClass.HeartbeatRequest;
import dwell.v1.SessionServiceOuterClass.StartSessionRequest;
import dwell.v1.UsageStatsServiceGrpc;
import dwell.v1.UsageStatsServiceOuterClass.GetUserUsageStatsRequest;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ChannelCredentials;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ClientInterceptors;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status.Code;
import io.grpc.StatusRuntimeException;
import io.grpc.TlsChannelCredentials;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.MetadataUtils;
import java.io.File;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import sun.misc.Signal;

/**
 * A client of dwell: logs a user in, says that the user is still there until Ctrl-C, logs out and
 * reads what it adds up to. It outlives restarts of the server.
 */
public final class Client {
  /**
   * For one attempt. Without a deadline a call to a server that hangs hangs with it. dwell itself
   * waits 5 seconds for its database, and what it says then is worth hearing.
   */
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  /** After it the logout is not tried again: somebody waits for the program to end. */
  private static final Duration FAREWELL = Duration.ofSeconds(15);

  /**
   * What may be over soon. CANCELLED, where we did not cancel, is how a server may say that the
   * deadline passed.
   */
  private static final Set<Code> PASSING =
      EnumSet.of(Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.CANCELLED);

  private static final Duration FIRST_DELAY = Duration.ofMillis(250);
  private static final Duration MAX_DELAY = Duration.ofSeconds(5);

  private final ManagedChannel connection;
  private final SessionServiceGrpc.SessionServiceBlockingStub sessions;
  private final UsageStatsServiceGrpc.UsageStatsServiceBlockingStub usage;
  private final InsightsServiceGrpc.InsightsServiceBlockingStub insights;
  private final long beat = Long.parseLong(env("DWELL_HEARTBEAT_MS", "30000"));
  private final String user = env("DWELL_USER", "0b6d9a52-7c1e-4f7b-8d34-9f1c2a6e5b70");

  /** Our own id makes the login safe to repeat: the server knows it again. */
  private final String session = UUID.randomUUID().toString();

  private Client(ManagedChannel connection) {
    this.connection = connection;
    Channel channel =
        ClientInterceptors.intercept(
            connection, MetadataUtils.newAttachHeadersInterceptor(identity()), new Deadlines());
    sessions = SessionServiceGrpc.newBlockingStub(channel);
    usage = UsageStatsServiceGrpc.newBlockingStub(channel);
    insights = InsightsServiceGrpc.newBlockingStub(channel);
  }

  public static void main(String[] args) throws Exception {
    var connection = connect();
    var worker = Executors.newSingleThreadExecutor();
    int status = 0;
    try {
      var client = new Client(connection);
      var stay = worker.submit(client::stay);
      // A shutdown hook would be too late to log out at leisure and to choose the exit code.
      for (var name : new String[] {"INT", "TERM"}) {
        Signal.handle(new Signal(name), signal -> stay.cancel(true));
      }
      try {
        stay.get();
      } catch (CancellationException stopped) {
        worker.submit(client::leave).get();
      }
    } catch (ExecutionException failed) {
      status = 1;
      System.err.println(failed.getCause().getMessage());
      if (failed.getCause() instanceof CallFailed call) {
        call.violations().forEach(System.err::println);
      }
    }
    worker.shutdown();
    connection.shutdownNow().awaitTermination(1, TimeUnit.SECONDS);
    System.exit(status);
  }

  /** Logs in and sends heartbeats, until interrupted or refused. */
  private Void stay() throws InterruptedException, CallFailed {
    var login =
        StartSessionRequest.newBuilder()
            .setUserId(user)
            .setSessionId(session)
            .setClientType("web")
            .build();
    var started = call("StartSession", Instant.MAX, () -> sessions.startSession(login));
    System.out.println("logged in: session " + started.getSession().getId());
    var request = HeartbeatRequest.newBuilder().setSessionId(session).build();
    for (int n = 1; ; n++) {
      Thread.sleep(beat);
      var alive = call("Heartbeat", Instant.MAX, () -> sessions.heartbeat(request));
      System.out.printf("heartbeat %d: %s%n", n, alive.getState());
    }
  }

  /** Logs out and tells what the user's sessions add up to. */
  private Void leave() throws InterruptedException, CallFailed {
    var until = Instant.now().plus(FAREWELL);
    var end = EndSessionRequest.newBuilder().setSessionId(session).build();
    var ended = call("EndSession", until, () -> sessions.endSession(end)).getSession();
    System.out.printf("logged out: %s, %s%n", ended.getEndReason(), ended.getCompletionStatus());

    // Days are those of the tenant's time zone, at most one off from ours.
    var days =
        GetUserUsageStatsRequest.newBuilder()
            .setUserId(user)
            .setStartDate(date(ended.getStartTime()).minusDays(1).toString())
            .setEndDate(date(ended.getEndTime()).plusDays(1).toString())
            .build();
    var total = call("GetUserUsageStats", until, () -> usage.getUserUsageStats(days)).getTotal();
    System.out.printf(
        "usage: %d logins, %d sessions completed, %d s%n",
        total.getLoginCount(), total.getSessionsCompleted(), total.getActiveSeconds());

    var whose = GetUserStatisticsRequest.newBuilder().setUserId(user).build();
    var figures = call("GetUserStatistics", until, () -> insights.getUserStatistics(whose));
    System.out.printf(
        "statistics: %d sessions, streak of %d days, %.0f%% completed%n",
        figures.getTotalSessions(),
        figures.getCurrentStreakDays(),
        figures.getCompletionRatePercentage());
    return null;
  }

  /**
   * The one channel of the program: it is safe to share, connects at the first call and again
   * whenever a call finds the connection gone.
   */
  private static ManagedChannel connect() throws IOException {
    ChannelCredentials credentials = InsecureChannelCredentials.create();
    if (System.getenv("DWELL_CA") != null) {
      var ca = new File(System.getenv("DWELL_CA"));
      credentials = TlsChannelCredentials.newBuilder().trustManager(ca).build();
    }
    // Between heartbeats nothing is sent, and a router forgets a silent connection without a
    // word. Pings keep it, and find out when it is dead.
    return Grpc.newChannelBuilder(env("DWELL_ADDRESS", "127.0.0.1:50051"), credentials)
        .keepAliveTime(10, TimeUnit.SECONDS)
        .keepAliveWithoutCalls(true)
        .build();
  }

  /** Who calls. */
  private static Metadata identity() {
    var identity = new Metadata();
    identity.put(
        Metadata.Key.of("x-tenant-id", Metadata.ASCII_STRING_MARSHALLER),
        env("DWELL_TENANT", "7f0c1f3e-5a51-4e0a-9a63-3d2f4b8f6c11"));
    if (System.getenv("DWELL_TOKEN") != null) {
      identity.put(
          Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER),
          "Bearer " + System.getenv("DWELL_TOKEN"));
    }
    return identity;
  }

  /**
   * Repeats a call, later and later, until it is answered, refused, or it is too late. All calls
   * of this program may be repeated: even one that was not answered in time.
   */
  private <A> A call(String name, Instant until, Supplier<A> attempt)
      throws InterruptedException, CallFailed {
    var delay = FIRST_DELAY;
    while (true) {
      try {
        return attempt.get();
      } catch (StatusRuntimeException failed) {
        var code = failed.getStatus().getCode();
        var asked = detail(failed, RetryInfo.class).map(RetryInfo::getRetryDelay);
        // Not all clients at the same moment, and none sooner than the server asked for.
        long whole = delay.toMillis();
        long jittered = ThreadLocalRandom.current().nextLong(whole / 2, whole);
        long wanted = asked.map(d -> d.getSeconds() * 1000 + d.getNanos() / 1_000_000).orElse(0L);
        long wait = Math.max(jittered, wanted);
        boolean over =
            Thread.currentThread().isInterrupted() || Instant.now().plusMillis(wait).isAfter(until);
        if (over || !(asked.isPresent() || PASSING.contains(code))) {
          throw new CallFailed(name, failed);
        }
        if (delay == FIRST_DELAY) {
          System.err.println(name + ": " + code + ", trying again");
        }
        Thread.sleep(wait);
        delay = delay.multipliedBy(2);
        delay = delay.compareTo(MAX_DELAY) < 0 ? delay : MAX_DELAY;
        // By itself the channel lets up to two minutes pass between attempts to connect, and
        // every call in between fails at once.
        connection.resetConnectBackoff();
      }
    }
  }

  /** The google.rpc detail of that type that an error came with. */
  private static <T extends Message> Optional<T> detail(
      StatusRuntimeException failed, Class<T> type) {
    try {
      for (Any any : StatusProto.fromThrowable(failed).getDetailsList()) {
        if (any.is(type)) {
          return Optional.of(any.unpack(type));
        }
      }
    } catch (InvalidProtocolBufferException unreadable) {
      // The error is told without it.
    }
    return Optional.empty();
  }

  private static LocalDate date(Timestamp time) {
    return LocalDate.ofInstant(Instant.ofEpochSecond(time.getSeconds()), ZoneOffset.UTC);
  }

  private static String env(String name, String otherwise) {
    return Optional.ofNullable(System.getenv(name)).orElse(otherwise);
  }

  /** Gives each attempt its deadline. One that is set on a stub is a moment, not a length. */
  private static final class Deadlines implements ClientInterceptor {
    @Override
    public <Q, A> ClientCall<Q, A> interceptCall(
        MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
      return next.newCall(method, options.withDeadlineAfter(PATIENCE));
    }
  }

  /** A call that is not tried again. */
  private static final class CallFailed extends Exception {
    CallFailed(String name, StatusRuntimeException failed) {
      super(describe(name, failed.getStatus()), failed);
    }

    private static String describe(String name, io.grpc.Status status) {
      return name + ": " + status.getCode() + ": " + status.getDescription();
    }

    /** What is wrong with each field of a request that was refused. */
    List<String> violations() {
      return detail((StatusRuntimeException) getCause(), BadRequest.class)
          .map(BadRequest::getFieldViolationsList)
          .orElse(List.of())
          .stream()
          .map(violation -> "  " + violation.getField() + ": " + violation.getDescription())
          .toList();
    }
  }
}
