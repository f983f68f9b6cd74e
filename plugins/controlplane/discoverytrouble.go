package controlplane

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/clusterflow/clusterflow/sdk"
)

// explainAsk says what to do about a server that did not answer before ctx ended, or
// that is not believed.
func explainAsk(ctx context.Context, endpoint string, err error) error {
	if trouble := explainTrust(endpoint, err); trouble != nil {
		return trouble
	}
	var name *net.DNSError
	var plain tls.RecordHeaderError
	var slow net.Error
	err = fmt.Errorf("no API server answers at %s: %w", endpoint, err)
	curl := "curl -k https://" + endpoint + "/version"
	switch {
	case errors.As(err, &name):
		return sdk.Hint(err, "Check the name in the endpoint and in /etc/hosts, and the name servers of this host: getent hosts "+name.Name)
	case errors.Is(err, syscall.ECONNREFUSED):
		return sdk.Hint(err, "The host is there, and nothing listens on the port: check the address and port, and that kube-apiserver runs there: "+curl)
	case errors.As(err, &plain), errors.Is(err, http.ErrSchemeMismatch):
		return sdk.Hint(err, "What listens there does not speak TLS: check the address and port. A load balancer must pass TLS on, not end it.")
	case ctx.Err() != nil, errors.As(err, &slow) && slow.Timeout():
		return sdk.Hint(err, "Nothing comes back, not even a refusal: check the address, that its host is up, and that no firewall is between: "+curl)
	}
	return sdk.Hint(err, "Check the address and port, that kube-apiserver runs there, and that no firewall is between: "+curl)
}

// explainTrust says why a certificate is not believed; nil if that is not the trouble.
func explainTrust(server string, err error) error {
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	wrong := fmt.Errorf("%s has a certificate that cannot be trusted: %w", server, err)
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return sdk.Permanent(sdk.Hint(wrong, adviseTime(invalid.Cert, time.Now())))
	case errors.As(err, &host):
		return sdk.Permanent(sdk.Hint(wrong, "Use a name or an address that is in the certificate, or add this one to it: apiserver_cert_extra_sans."))
	case errors.As(err, &unknown):
		return sdk.Permanent(sdk.Hint(wrong, "It is signed by another CA than that of the cluster. A load balancer must pass TLS on, not end it. Else another host poses as the API server."))
	}
	return nil
}

// adviseTime is the advice for a certificate outside of its time.
func adviseTime(cert *x509.Certificate, now time.Time) string {
	clock := "Is the clock of this host right? It says " + now.UTC().Format(time.RFC3339)
	if cert != nil && now.Before(cert.NotBefore) {
		return clock + ", and the certificate counts from " + cert.NotBefore.UTC().Format(time.RFC3339) +
			" on. Set it, and let it be kept right: timedatectl set-ntp true. If it is right, the clock of the host that made the certificate was ahead: make it anew."
	}
	return clock + ". If it is, the certificate of the server has to be renewed."
}

// explainFetch says what to do about a discovery file that could not be fetched.
func explainFetch(from string, err error) error {
	var invalid x509.CertificateInvalidError
	var distrusted *tls.CertificateVerificationError
	wrong := fmt.Errorf("read %s: %w", from, err)
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return sdk.Permanent(sdk.Hint(wrong, adviseTime(invalid.Cert, time.Now())))
	case errors.As(err, &distrusted):
		return sdk.Hint(wrong, "The server must have a certificate that this host trusts.")
	}
	return sdk.Hint(wrong, "Check the URL, and that its server is up: curl "+from)
}
