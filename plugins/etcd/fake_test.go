package etcd

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/clusterflow/clusterflow/sdk/sdktest"
)

// TestMain makes the test binary an etcd when it is started with etcd's flags, so
// that phases run a real process.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && strings.HasPrefix(os.Args[1], "--advertise-client-urls=") {
		if err := runFake(os.Args[1:]); err != nil {
			panic(err)
		}
		return
	}
	sdktest.Main(m, Spec())
}

// fake answers the questions that this plugin asks.
type fake struct {
	pb.UnimplementedKVServer
	pb.UnimplementedMaintenanceServer
	version  string
	noQuorum bool
	cluster  *fakeCluster // may be nil
}

func (f *fake) Range(context.Context, *pb.RangeRequest) (*pb.RangeResponse, error) {
	if f.noQuorum {
		return nil, status.Error(codes.Unavailable, "etcdserver: no leader")
	}
	return &pb.RangeResponse{Header: &pb.ResponseHeader{}}, nil
}

func (f *fake) Status(context.Context, *pb.StatusRequest) (*pb.StatusResponse, error) {
	leader := uint64(1)
	if f.cluster != nil {
		leader = f.cluster.leads()
	}
	return &pb.StatusResponse{Header: &pb.ResponseHeader{}, Version: f.version, Leader: leader}, nil
}

func (f *fake) MoveLeader(_ context.Context, req *pb.MoveLeaderRequest) (*pb.MoveLeaderResponse, error) {
	f.cluster.lead(req.TargetID)
	return &pb.MoveLeaderResponse{Header: &pb.ResponseHeader{}}, nil
}

// serve listens with a certificate and asks clients for one of the authority. An
// empty caFile means plain text.
func (f *fake) serve(listener net.Listener, caFile, certFile, keyFile string) (*grpc.Server, error) {
	var options []grpc.ServerOption
	if caFile != "" {
		pool := x509.NewCertPool()
		data, err := os.ReadFile(caFile)
		if err != nil {
			return nil, err
		}
		pool.AppendCertsFromPEM(data)
		pair, err := tls.LoadX509KeyPair(certFile, keyFile)
		if err != nil {
			return nil, err
		}
		options = append(options, grpc.Creds(credentials.NewTLS(&tls.Config{
			Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
		})))
	}
	server := grpc.NewServer(options...)
	pb.RegisterKVServer(server, f)
	pb.RegisterMaintenanceServer(server, f)
	if f.cluster != nil {
		pb.RegisterClusterServer(server, f.cluster)
	}
	go func() { _ = server.Serve(listener) }()
	return server, nil
}

// runFake is an etcd until SIGTERM.
func runFake(args []string) error {
	flags := map[string]string{}
	for _, arg := range args {
		name, value, _ := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
		flags[name] = value
	}
	if flags["max-wals"] == "none" {
		return errors.New("invalid value \"none\" for flag -max-wals")
	}
	if err := os.MkdirAll(flags["data-dir"]+"/member", 0o700); err != nil {
		return err
	}
	stopped := make(chan os.Signal, 1)
	signal.Notify(stopped, syscall.SIGTERM)
	u, err := url.Parse(flags["listen-client-urls"])
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", u.Host)
	if err != nil {
		return err
	}
	fmt.Println("ready to serve client requests")
	server, err := (&fake{version: "3.6.8"}).serve(listener, flags["trusted-ca-file"], flags["cert-file"], flags["key-file"])
	if err != nil {
		return err
	}
	<-stopped
	server.Stop()
	return nil
}
