package sdktest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/clusterflow/clusterflow/sdk"
)

const (
	// mainVariable tells tests that TestMain calls Main, and plugins their name.
	mainVariable = "CLUSTERFLOW_SDKTEST_PLUGIN"
	// maxKills is how often one case is killed: at its start and after each of its
	// first events.
	maxKills = 6
	// startTime is how long a test binary may take to serve.
	startTime = 20 * time.Second
)

// Main runs the tests, and lets the test binary be the plugin when it is started
// as one. Call it from TestMain, with the Specs of all plugins under test.
func Main(m *testing.M, specs ...sdk.Spec) {
	if os.Getenv(sdk.Handshake().MagicCookieKey) == sdk.Handshake().MagicCookieValue {
		for _, spec := range specs {
			if spec.Name == os.Getenv(mainVariable) {
				sdk.Main(spec)
			}
		}
	}
	if err := os.Setenv(mainVariable, "none"); err != nil {
		panic(err)
	}
	m.Run()
}

// survivesKill kills every case in a process of its own, at its start and after
// each of its first events, and lets a new process finish it.
func survivesKill(t *testing.T, plugin string, cases []Case) {
	t.Helper()
	if os.Getenv(mainVariable) == "" {
		t.Skip("TestMain does not call sdktest.Main")
	}
	for _, c := range cases {
		t.Run(c.name(), func(t *testing.T) {
			if c.SkipKill != "" {
				t.Skip(c.SkipKill)
			}
			for after := range maxKills {
				name := fmt.Sprintf("after %d events", after)
				more := false // whether the apply had so many events at all
				if !t.Run(name, func(t *testing.T) { more = killOnce(t, plugin, c, after) }) || !more {
					return
				}
			}
		})
	}
}

// killOnce kills the process after so many events of an apply. It reports whether
// there were so many.
func killOnce(t *testing.T, plugin string, c Case, after int) bool {
	t.Helper()
	victim := startProcess(t, plugin)
	d, err := victim.client.Describe(t.Context())
	if err != nil {
		t.Fatalf("describe: %v", err)
	}
	typ, ok := d.Type(c.Type)
	if !ok {
		t.Fatalf("plugin %q has no type %q", plugin, c.Type)
	}
	p := newPhase(t, victim.client, typ, c)
	plan := p.plan(sdk.PlanRequest{})
	events := p.applyAndKill(plan, victim, after)
	p.client = startProcess(t, plugin).client
	p.finish()
	return events >= after
}

func (p *phase) applyAndKill(plan sdk.Plan, victim *process, after int) (events int) {
	p.t.Helper()
	ctx, cancel := p.context()
	defer cancel()
	if after == 0 {
		stop := context.AfterFunc(deadline(p.t, time.Millisecond), victim.kill)
		defer stop()
	}
	r, err := p.tryApply(ctx, p.next(), plan, func(sdk.Event) {
		if events++; events == after {
			victim.kill()
		}
	})
	if err == nil && r.Status != sdk.StatusOK { // it was faster than the signal, but failed
		p.t.Errorf("apply: %v: %v", r.Status, describeError(r.Diagnostics))
	}
	return events
}

// deadline is a context that ends after so long, or with the test.
func deadline(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// process is the test binary as a plugin.
type process struct {
	client sdk.Client
	kill   func() // the process and its group, at once
}

func startProcess(t *testing.T, plugin string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatalf("start plugin: %v", err)
	}
	sockets, err := makeShort()
	if err != nil {
		t.Fatalf("start plugin: %v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(sockets) })
	// Without a call of Main it would run no tests and end.
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^$")
	cmd.Env = append(os.Environ(), mainVariable+"="+plugin, "PLUGIN_UNIX_SOCKET_DIR="+sockets,
		sdk.Handshake().MagicCookieKey+"="+sdk.Handshake().MagicCookieValue,
		"PLUGIN_PROTOCOL_VERSIONS="+strconv.Itoa(sdk.ProtocolVersion))
	var printed printed
	cmd.Stderr = &printed
	ownGroup(cmd)
	stdin, err := cmd.StdinPipe() // the plugin ends with it
	if err != nil {
		t.Fatalf("start plugin: %v", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatalf("start plugin: %v", err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start plugin: %v", err)
	}
	kill := sync.OnceFunc(func() { killGroup(cmd.Process) })
	late := time.AfterFunc(startTime, kill)
	out := bufio.NewReader(stdout)
	line, readErr := out.ReadString('\n')
	late.Stop()
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		_, _ = io.Copy(&printed, out)
	}()
	t.Cleanup(func() {
		_ = stdin.Close()
		kill()
		<-drained
		_ = cmd.Wait() // it was killed
		if t.Failed() {
			t.Logf("the plugin printed:\n%s", &printed)
		}
	})
	return &process{client: connect(t, line, readErr, &printed), kill: kill}
}

// connect reads the handshake line, see the documentation of go-plugin.
func connect(t *testing.T, line string, readErr error, printed *printed) sdk.Client {
	t.Helper()
	parts := strings.Split(strings.TrimSpace(line), "|")
	if readErr != nil || len(parts) < 5 || parts[2] != "unix" {
		t.Fatalf("start plugin: got %q (%v) instead of a handshake; does TestMain call sdktest.Main with its Spec?\n%s",
			line, readErr, printed)
	}
	var conn *grpc.ClientConn
	conn, err := dial("unix:" + parts[3])
	if err != nil {
		t.Fatalf("connect to plugin: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return sdk.NewClient(conn)
}

// makeShort makes a directory whose path leaves room for the name of a socket,
// unlike that of T.TempDir, which holds the name of the test.
func makeShort() (string, error) { return os.MkdirTemp("", "cf") }

// printed keeps output for the case that the test fails.
type printed struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (p *printed) Write(data []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.buf.Write(data)
}

func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.buf.String()
}
