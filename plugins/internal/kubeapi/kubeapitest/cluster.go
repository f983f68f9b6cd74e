package kubeapitest

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
)

// startTimeout bounds the start of the API server: 2 min, for a busy machine.
const startTimeout = 2 * time.Minute

// Cluster is a real API server on a real etcd, without nodes. It ends with the test.
type Cluster struct {
	// Admin is the kubeconfig of kubernetes-admin in the group
	// kubeadm:cluster-admins, which has no rights at first.
	Admin string
	// SuperAdmin is that of a member of system:masters.
	SuperAdmin string
	Server     string
	// ManagerURL is where the controller manager tells its health.
	ManagerURL string

	dir            string
	ca             authority
	serviceAccount string // path of the key
	port           string
}

// New makes certificates and kubeconfigs for a cluster and starts nothing.
func New(t *testing.T) *Cluster {
	t.Helper()
	c := &Cluster{dir: t.TempDir(), ca: newAuthority(t), port: freePort(t)}
	c.Server = "https://127.0.0.1:" + c.port
	writeFile(t, c.dir, "ca.crt", c.ca.pem)
	c.serviceAccount = writeFile(t, c.dir, "sa.key", encodeKey(t, newKey(t)))
	c.Admin = c.user(t, "admin", "kubernetes-admin", "kubeadm:cluster-admins")
	c.SuperAdmin = c.user(t, "super-admin", "kubernetes-super-admin", "system:masters")
	return c
}

// StartServer starts etcd and the API server, and does not wait for them.
func (c *Cluster) StartServer(t *testing.T) {
	t.Helper()
	etcd := "http://127.0.0.1:" + freePort(t)
	peer := "http://127.0.0.1:" + freePort(t)
	c.start(t, "etcd",
		"--data-dir="+filepath.Join(c.dir, "etcd"), "--unsafe-no-fsync",
		"--listen-client-urls="+etcd, "--advertise-client-urls="+etcd,
		"--listen-peer-urls="+peer, "--initial-advertise-peer-urls="+peer, "--initial-cluster=default="+peer)
	cert, key := c.ca.issue(t, "kube-apiserver")
	c.start(t, "kube-apiserver",
		"--etcd-servers="+etcd, "--bind-address=127.0.0.1", "--secure-port="+c.port,
		"--tls-cert-file="+writeFile(t, c.dir, "server.crt", cert), "--tls-private-key-file="+writeFile(t, c.dir, "server.key", key),
		"--client-ca-file="+filepath.Join(c.dir, "ca.crt"), "--authorization-mode=Node,RBAC", "--enable-bootstrap-token-auth", "--allow-privileged",
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file="+c.serviceAccount, "--service-account-signing-key-file="+c.serviceAccount,
		"--service-cluster-ip-range=10.96.0.0/12", "--endpoint-reconciler-type=none")
}

// Await waits until the API server is ready.
func (c *Cluster) Await(t *testing.T) {
	t.Helper()
	pool := kubeapi.NewPool()
	defer pool.Close()
	client, err := pool.Client(c.SuperAdmin)
	if err != nil {
		t.Fatal(err)
	}
	err = kubeapi.Retry(t.Context(), startTimeout, func(ctx context.Context) error {
		status, body, err := client.Get(ctx, "/readyz")
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("status %d: %s", status, body)
		}
		return err
	})
	if err != nil {
		t.Fatalf("API server is not ready: %v", err)
	}
}

// StartManager starts a controller manager with these controllers alone.
func (c *Cluster) StartManager(t *testing.T, controllers string) {
	t.Helper()
	port := freePort(t)
	c.ManagerURL = "https://127.0.0.1:" + port + "/healthz"
	kubeconfig := c.user(t, "controller-manager", "system:kube-controller-manager")
	c.start(t, "kube-controller-manager",
		"--kubeconfig="+kubeconfig, "--controllers="+controllers, "--leader-elect=false",
		"--bind-address=127.0.0.1", "--secure-port="+port, "--cert-dir="+filepath.Join(c.dir, "manager"),
		"--service-account-private-key-file="+c.serviceAccount, "--use-service-account-credentials",
		"--root-ca-file="+filepath.Join(c.dir, "ca.crt"))
}

// user writes a kubeconfig for a user of these groups.
func (c *Cluster) user(t *testing.T, file, name string, groups ...string) string {
	t.Helper()
	cert, key := c.ca.issue(t, name, groups...)
	return writeKubeconfig(t, c.dir, file, c.Server, c.ca.pem, cert, key)
}

// start runs a program until the end of the test, which then shows the end of
// its log if it failed. A program that is not there fails the test.
func (c *Cluster) start(t *testing.T, program string, args ...string) {
	t.Helper()
	log, err := os.Create(filepath.Join(c.dir, program+".log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), phasetest.Program(t, program), args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // the context has ended by now, and the program with it
		_ = cmd.Wait()
		_ = log.Close()
		if t.Failed() {
			t.Logf("end of the log of %s:\n%s", program, tail(log.Name()))
		}
	})
}

func tail(path string) string {
	const most = 3000
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-most):])
}

// freePort finds a port that nothing listens on. Another process may take it
// before its user does; tests live with that.
func freePort(t *testing.T) string {
	t.Helper()
	return strconv.Itoa(phasetest.FreePorts(t, 1)[0])
}
