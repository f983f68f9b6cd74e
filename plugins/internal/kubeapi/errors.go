package kubeapi

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterflow/clusterflow/sdk"
)

var (
	// ErrNoKubeconfig reports that the kubeconfig file does not exist: the cluster
	// was not made yet, or is gone.
	ErrNoKubeconfig = errors.New("no kubeconfig")
	// ErrUnreachable reports that no API server answered. What it would have said
	// is not known.
	ErrUnreachable = errors.New("API server does not answer")
	// ErrNoKind reports that the server knows no such kind of object.
	ErrNoKind = errors.New("no such kind of object")
)

// Explain adds the server and advice to an error of a request. Answers of the
// server stay as they are; when there was none, the error is [ErrUnreachable].
func (c *Client) Explain(err error) error {
	if err == nil || Answered(err) || errors.Is(err, ErrUnreachable) ||
		errors.Is(err, context.Canceled) || errors.Is(err, ErrNoKind) {
		return err
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // without the method and the whole address
	}
	err = fmt.Errorf("%s: %w: %w", c.Server, ErrUnreachable, err)
	if distrusted(err) {
		return sdk.Hint(err, fmt.Sprintf("The certificate of the server does not fit %s: "+
			"make the kubeconfig anew from the CA of the cluster, or correct its server address.", c.Path))
	}
	return sdk.Hint(err, fmt.Sprintf("Check that kube-apiserver runs (its log tells why not) and that the server address in %s is right.", c.Path))
}

// Answered reports whether err is what an API server said.
func Answered(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status)
}

// Hopeless reports whether asking again cannot help: the server has understood
// the request and refuses it for what it says.
func Hopeless(err error) bool {
	var permanent *sdk.PermanentError
	return errors.As(err, &permanent) || distrusted(err) ||
		apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) || apierrors.IsMethodNotSupported(err) ||
		apierrors.IsNotAcceptable(err) || apierrors.IsUnsupportedMediaType(err) || apierrors.IsRequestEntityTooLargeError(err)
}

// odd reports whether the server failed without giving a reason. It does so for
// troubles with etcd, and also for an object with a field that its kind lacks.
func odd(err error) bool {
	var answer apierrors.APIStatus
	return errors.As(err, &answer) && answer.Status().Code == http.StatusInternalServerError &&
		answer.Status().Reason == metav1.StatusReasonUnknown
}

// distrusted reports whether the two sides do not believe each other's certificates.
func distrusted(err error) bool {
	var verification *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	return errors.As(err, &verification) || errors.As(err, &unknown) || errors.As(err, &host)
}
