package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/clusterflow/clusterflow/engine/pluginhost"
)

// launch measures plugin processes from their start to their first answer, once
// for each plugin: those in one binary link the same, but do not do the same.
func (b *bench) launch(ctx context.Context) error {
	const bar = 8 * time.Millisecond
	host, err := pluginhost.New(pluginhost.Options{Dirs: []string{b.bin}})
	if err != nil {
		return err
	}
	defer func() { _ = host.Close(ctx) }()
	found, err := host.List()
	if err != nil {
		return err
	}
	for _, plugin := range found {
		binary, err := filepath.EvalSymlinks(plugin.Path)
		if err != nil {
			return err
		}
		if err := settleFile(plugin.Path); err != nil {
			return err
		}
		name := fmt.Sprintf("launch of plugin %s (%s)", plugin.Name, filepath.Base(binary))
		if !b.wanted.MatchString(name) {
			continue
		}
		f, err := b.launches(ctx, host, pluginhost.Ref{Name: plugin.Name})
		if err != nil {
			return err
		}
		b.show(row{name: name, figure: f, bar: bar})
	}
	return nil
}

// launches starts a plugin often enough for a median. The first start, which reads
// the file and asks for the description, does not count: the engine keeps both.
func (b *bench) launches(ctx context.Context, host *pluginhost.Host, ref pluginhost.Ref) (figure, error) {
	const runs = 41
	start := func() (sample, error) {
		begin := time.Now()
		lease, err := host.Client(ctx, ref, true)
		s := sample{wall: time.Since(begin)}
		if err == nil {
			settle(ctx, lease)
			lease.Release()
		}
		return s, err
	}
	if _, err := start(); err != nil {
		return figure{}, err
	}
	return measureTimes(runs, start)
}

// settleFile has a file read from disk again, as after a boot. One that was just built
// is cached in single pages, of which a launch maps a thousand one by one: it takes a
// millisecond longer.
func settleFile(path string) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.Sync(); err != nil {
		return err
	}
	if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		return fmt.Errorf("drop %s from the cache: %w", path, err)
	}
	_, err = io.Copy(io.Discard, f)
	return err
}

// settle waits until the engine has compared what the process says of itself with what
// it knows, which any call waits for: it is no part of this start, nor of the next.
func settle(ctx context.Context, lease pluginhost.Lease) {
	_, _ = lease.Client.Upgrade(ctx, "", 0, nil)
}

// certificates makes all certificates and kubeconfigs of a control plane: at once,
// one after another, and as kubeadm does.
func (b *bench) certificates(ctx context.Context) error {
	const name = "certificates and kubeconfigs of a control plane"
	if !b.wanted.MatchString(name) {
		return nil
	}
	dir, err := os.MkdirTemp(b.work, "certs-")
	if err != nil {
		return err
	}
	text := fmt.Sprintf(certsPipeline, filepath.Join(b.top, "pipelines/modules"))
	if err := os.WriteFile(filepath.Join(dir, "site.hcl"), []byte(text), 0o600); err != nil {
		return err
	}
	apply := func(more ...string) func() (sample, error) {
		return func() (sample, error) {
			if err := fresh(dir, "state", "kubernetes"); err != nil {
				return sample{}, err
			}
			return b.clusterflow(ctx, dir, append([]string{"apply", "site.hcl", "--auto-approve"}, more...)...)
		}
	}
	at, err := measure(apply())
	if err != nil {
		return err
	}
	b.show(row{name: name, figure: at})
	serial, err := measure(apply("--parallelism", "1"))
	if err != nil {
		return err
	}
	b.show(row{name: "  one after another", figure: serial, than: &at})
	return b.kubeadm(ctx, &at)
}

const certsPipeline = `
locals { dir = abspath("kubernetes") }

locals {
  node = { name = "bench", advertise_address = "127.0.0.1" }
  config = {
    cluster_name              = "kubernetes"
    control_plane_endpoint    = ""
    control_plane_host        = ""
    bind_port                 = 6443
    cert_dir                  = "${local.dir}/pki"
    service_subnet            = "10.96.0.0/12"
    dns_domain                = "cluster.local"
    apiserver_cert_extra_sans = []
    key_algorithm             = "RSA-2048"
    certificate_validity      = "8760h"
    ca_certificate_validity   = "87600h"
    etcd                      = { server_cert_sans = [], peer_cert_sans = [] }
    external_etcd             = null
  }
}

module "certs" {
  source     = "%[1]s/certs"
  node       = local.node
  config     = local.config
  depends_on = [phase.home]
}

module "kubeconfig" {
  source = "%[1]s/kubeconfig"
  dir    = local.dir
  ca     = module.certs.ca
  node   = local.node
  config = local.config
}

phase "core.dir" "home" { path = local.dir }
`

// kubeadm measures the same files made by kubeadm, if it is there.
func (b *bench) kubeadm(ctx context.Context, first *figure) error {
	program := filepath.Join(b.top, "bin/kube/kubeadm")
	if _, err := os.Stat(program); err != nil {
		if program, err = exec.LookPath("kubeadm"); err != nil {
			return nil
		}
	}
	dir, err := os.MkdirTemp(b.work, "kubeadm-")
	if err != nil {
		return err
	}
	pki := filepath.Join(dir, "pki")
	config := filepath.Join(dir, "kubeadm.yaml")
	text := "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: v1.36.3\ncertificatesDir: " + pki +
		"\n---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nlocalAPIEndpoint: {advertiseAddress: 192.0.2.10}\n" +
		"nodeRegistration: {name: bench, criSocket: unix:///run/none.sock}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return err
	}
	f, err := measure(func() (sample, error) {
		if err := fresh(dir, "pki", "kubernetes"); err != nil {
			return sample{}, err
		}
		certs, err := b.command(ctx, dir, program, "init", "phase", "certs", "all", "--config", config)
		if err != nil {
			return sample{}, err
		}
		files, err := b.command(ctx, dir, program, "init", "phase", "kubeconfig", "all", "--config", config, "--kubeconfig-dir", filepath.Join(dir, "kubernetes"))
		return sample{wall: certs.wall + files.wall, cpu: certs.cpu + files.cpu, memory: max(certs.memory, files.memory)}, err
	})
	if err != nil {
		return err
	}
	b.show(row{name: "  kubeadm init phase certs all, kubeconfig all", figure: f, than: first})
	return nil
}
