// A client of dwell: logs a user in, says that the user is still there until Ctrl-C, logs out
// and reads what it adds up to. It outlives restarts of the server.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/google/uuid"
	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	pb "dwell.example/client/gen/dwell/v1"
)

const (
	// For one attempt. Without a deadline a call to a server that hangs hangs with it. dwell
	// itself waits 5 seconds for its database, and what it says then is worth hearing.
	patience = 10 * time.Second
	// After it the logout is not tried again: somebody waits for the program to end.
	farewell   = 15 * time.Second
	firstDelay = 250 * time.Millisecond
	maxDelay   = 5 * time.Second
)

//go:generate buf generate
func main() {
	if err := run(); err != nil {
		report(err)
		os.Exit(1)
	}
}

func run() error {
	beat, err := strconv.Atoi(cmp.Or(os.Getenv("DWELL_HEARTBEAT_MS"), "30000"))
	if err != nil || beat <= 0 {
		return errors.New("DWELL_HEARTBEAT_MS must be a number of milliseconds")
	}
	channel, err := connect()
	if err != nil {
		return err
	}
	defer channel.Close()
	sessions := pb.NewSessionServiceClient(channel)
	user := cmp.Or(os.Getenv("DWELL_USER"), "0b6d9a52-7c1e-4f7b-8d34-9f1c2a6e5b70")
	// Our own id makes the login safe to repeat: the server knows it again.
	id := uuid.Must(uuid.NewV7()).String()

	ctx, stop := signal.NotifyContext(identified(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	login := &pb.StartSessionRequest{UserId: user, SessionId: id, ClientType: "web"}
	err = stay(ctx, sessions, login, time.Duration(beat)*time.Millisecond)
	if ctx.Err() == nil {
		return err
	}

	stop() // A second Ctrl-C ends the program at once.
	ctx, cancel := context.WithTimeout(identified(), farewell)
	defer cancel()
	return leave(ctx, channel, sessions, user, id)
}

// stay logs in and sends heartbeats, until ctx ends or a call is refused.
func stay(
	ctx context.Context, sessions pb.SessionServiceClient, login *pb.StartSessionRequest, beat time.Duration,
) error {
	started, err := sessions.StartSession(ctx, login)
	if err != nil {
		return err
	}
	fmt.Println("logged in: session", started.Session.Id)
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(beat):
		}
		alive, err := sessions.Heartbeat(ctx, &pb.HeartbeatRequest{SessionId: login.SessionId})
		if err != nil {
			return err
		}
		fmt.Printf("heartbeat %d: %v\n", n, alive.State)
	}
}

// leave logs out and tells what the user's sessions add up to.
func leave(
	ctx context.Context, channel *grpc.ClientConn, sessions pb.SessionServiceClient, user, id string,
) error {
	ended, err := sessions.EndSession(ctx, &pb.EndSessionRequest{SessionId: id})
	if err != nil {
		return err
	}
	session := ended.Session
	fmt.Printf("logged out: %v, %v\n", session.EndReason, session.CompletionStatus)

	// Days are those of the tenant's time zone, at most one off from ours.
	usage, err := pb.NewUsageStatsServiceClient(channel).GetUserUsageStats(ctx,
		&pb.GetUserUsageStatsRequest{
			UserId:    user,
			StartDate: session.StartTime.AsTime().AddDate(0, 0, -1).Format(time.DateOnly),
			EndDate:   session.EndTime.AsTime().AddDate(0, 0, 1).Format(time.DateOnly),
		})
	if err != nil {
		return err
	}
	fmt.Printf("usage: %d logins, %d sessions completed, %d s\n",
		usage.Total.LoginCount, usage.Total.SessionsCompleted, usage.Total.ActiveSeconds)

	figures, err := pb.NewInsightsServiceClient(channel).GetUserStatistics(ctx,
		&pb.GetUserStatisticsRequest{UserId: user})
	if err != nil {
		return err
	}
	fmt.Printf("statistics: %d sessions, streak of %d days, %.0f%% completed\n",
		figures.TotalSessions, figures.CurrentStreakDays, figures.CompletionRatePercentage)
	return nil
}

// connect makes the one channel of the program: it is safe to share, connects at the first call
// and again whenever a call finds the connection gone.
func connect() (*grpc.ClientConn, error) {
	transport := insecure.NewCredentials()
	if ca := os.Getenv("DWELL_CA"); ca != "" {
		var err error
		if transport, err = credentials.NewClientTLSFromFile(ca, ""); err != nil {
			return nil, err
		}
	}
	return grpc.NewClient(cmp.Or(os.Getenv("DWELL_ADDRESS"), "127.0.0.1:50051"),
		grpc.WithTransportCredentials(transport),
		grpc.WithUnaryInterceptor(retry),
		// By default the channel lets up to two minutes pass between attempts to connect, and
		// every call in between fails at once.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{
				BaseDelay: firstDelay, Multiplier: 2, Jitter: 0.2, MaxDelay: maxDelay,
			},
			MinConnectTimeout: patience,
		}),
		// Between heartbeats nothing is sent, and a router forgets a silent connection without
		// a word. Pings keep it, and find out when it is dead.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: 10 * time.Second, PermitWithoutStream: true,
		}))
}

// identified is the context of every call: who calls.
func identified() context.Context {
	tenant := cmp.Or(os.Getenv("DWELL_TENANT"), "7f0c1f3e-5a51-4e0a-9a63-3d2f4b8f6c11")
	ctx := metadata.AppendToOutgoingContext(context.Background(), "x-tenant-id", tenant)
	if token := os.Getenv("DWELL_TOKEN"); token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	}
	return ctx
}

// passing are the codes of what may be over soon. Canceled, where we did not cancel, is how a
// server may say that the deadline passed.
var passing = []codes.Code{codes.Unavailable, codes.DeadlineExceeded, codes.Canceled}

// A failure is an error of a call that is not tried again.
type failure struct {
	method string
	*status.Status
}

func (f *failure) Error() string {
	return fmt.Sprintf("%s: %v: %s", f.method, code.Code(f.Code()), f.Message())
}

// retry gives every attempt its deadline and repeats the call, later and later, until ctx ends.
// All calls of this program may be repeated: even one that was not answered in time.
func retry(
	ctx context.Context, method string, request, answer any,
	channel *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption,
) error {
	name := path.Base(method)
	for attempt, delay := 1, firstDelay; ; attempt, delay = attempt+1, min(2*delay, maxDelay) {
		limited, cancel := context.WithTimeout(ctx, patience)
		err := invoke(limited, method, request, answer, channel, options...)
		cancel()
		if err == nil {
			return nil
		}
		failed := status.Convert(err)
		wait, asked := askedFor(failed)
		if ctx.Err() != nil || !(asked || slices.Contains(passing, failed.Code())) {
			return &failure{name, failed}
		}
		if attempt == 1 {
			fmt.Fprintf(os.Stderr, "%s: %v, trying again\n", name, code.Code(failed.Code()))
		}
		// Not all clients at the same moment, and none sooner than the server asked for.
		jittered := delay/2 + rand.N(delay/2)
		select {
		case <-ctx.Done():
			return &failure{name, failed}
		case <-time.After(max(wait, jittered)):
		}
	}
}

// askedFor is how long the server asks to wait before the call is repeated, if it does.
func askedFor(failed *status.Status) (time.Duration, bool) {
	for _, detail := range failed.Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return info.RetryDelay.AsDuration(), true
		}
	}
	return 0, false
}

// report prints an error and, of a refusal, what is wrong with each field.
func report(err error) {
	fmt.Fprintln(os.Stderr, err)
	var failed *failure
	if !errors.As(err, &failed) {
		return
	}
	for _, detail := range failed.Details() {
		if bad, ok := detail.(*errdetails.BadRequest); ok {
			for _, violation := range bad.FieldViolations {
				fmt.Fprintf(os.Stderr, "  %s: %s\n", violation.Field, violation.Description)
			}
		}
	}
}
