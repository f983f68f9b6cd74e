package etcd

import (
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/clusterflow/clusterflow/plugins/internal/component"
)

// member is what the command line of one etcd member is made of.
type member struct {
	Name       string
	Address    string // where others reach it
	Loopback   string // where this host reaches it, 127.0.0.1 or ::1
	ClientPort int
	PeerPort   int
	// MetricsPort serves health and metrics over plain HTTP, to this host only.
	MetricsPort int
	DataDir     string
	Certs       certs
	// Initial lists the members of the cluster when it joins one: NAME=URL each.
	// None means that it begins a cluster of its own.
	Initial []string
	// InitialState is existing when it joins, else empty.
	InitialState string
	Extra        []component.Flag
}

// certs are the files of a member.
type certs struct {
	CA         string `cf:"ca,required"`
	ServerCert string `cf:"server_cert,required"`
	ServerKey  string `cf:"server_key,required"`
	PeerCert   string `cf:"peer_cert,required"`
	PeerKey    string `cf:"peer_key,required"`
}

// args returns the command line of etcd 3.6, as kubeadm 1.36 writes it.
func (m member) args() []string {
	client, peer := m.url(m.Address, m.ClientPort), m.url(m.Address, m.PeerPort)
	listen := slices.Compact([]string{m.url(m.Loopback, m.ClientPort), client})
	flags := map[string]string{
		"name":                           m.Name,
		"data-dir":                       m.DataDir,
		"advertise-client-urls":          client,
		"listen-client-urls":             strings.Join(listen, ","),
		"initial-advertise-peer-urls":    peer,
		"listen-peer-urls":               peer,
		"initial-cluster":                m.Name + "=" + peer,
		"listen-metrics-urls":            "http://" + hostPort(m.Loopback, m.MetricsPort),
		"cert-file":                      m.Certs.ServerCert,
		"key-file":                       m.Certs.ServerKey,
		"trusted-ca-file":                m.Certs.CA,
		"client-cert-auth":               "true",
		"peer-cert-file":                 m.Certs.PeerCert,
		"peer-key-file":                  m.Certs.PeerKey,
		"peer-trusted-ca-file":           m.Certs.CA,
		"peer-client-cert-auth":          "true",
		"snapshot-count":                 "10000",
		"feature-gates":                  "InitialCorruptCheck=true",
		"watch-progress-notify-interval": "5s",
	}
	if len(m.Initial) > 0 {
		flags["initial-cluster"] = strings.Join(m.Initial, ",")
	}
	if m.InitialState != "" {
		flags["initial-cluster-state"] = m.InitialState
	}
	return component.Args(flags, m.Extra)
}

func (m member) url(host string, port int) string { return "https://" + hostPort(host, port) }

// endpoints are where an API server on this host connects to: the loopback
// address, unless extra flags advertise others.
func (m member) endpoints() []string {
	if urls, given := component.Last(m.Extra, "advertise-client-urls"); given {
		return strings.Split(urls, ",")
	}
	return []string{m.url(m.Loopback, m.ClientPort)}
}

// health is where this host asks for its health.
func (m member) health() string {
	if urls, given := component.Last(m.Extra, "listen-client-urls"); given {
		first, _, _ := strings.Cut(urls, ",")
		return first
	}
	return m.url(m.Loopback, m.ClientPort)
}

// peerURLs are where other members reach it.
func (m member) peerURLs() []string {
	if urls, given := component.Last(m.Extra, "initial-advertise-peer-urls"); given {
		return strings.Split(urls, ",")
	}
	return []string{m.url(m.Address, m.PeerPort)}
}

// metrics is where this host asks for metrics and, without a certificate, health.
func (m member) metrics() string {
	if urls, given := component.Last(m.Extra, "listen-metrics-urls"); given {
		first, _, _ := strings.Cut(urls, ",")
		return first
	}
	return "http://" + hostPort(m.Loopback, m.MetricsPort)
}

// listens are the addresses that must be free when it starts. Those that extra
// flags change are left to etcd.
func (m member) listens() []string {
	var out []string
	add := func(flag string, addresses ...string) {
		if _, given := component.Last(m.Extra, flag); !given {
			out = append(out, addresses...)
		}
	}
	add("listen-client-urls", hostPort(m.Loopback, m.ClientPort), hostPort(m.Address, m.ClientPort))
	add("listen-peer-urls", hostPort(m.Address, m.PeerPort))
	add("listen-metrics-urls", hostPort(m.Loopback, m.MetricsPort))
	return slices.Compact(out)
}

// loopbackFor returns the loopback address of the same family.
func loopbackFor(address string) string {
	if ip := net.ParseIP(address); ip != nil && ip.To4() == nil {
		return "::1"
	}
	return "127.0.0.1"
}

func hostPort(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }
