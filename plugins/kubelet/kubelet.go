// Package kubelet is the plugin for the kubelet of this host: its configuration,
// its service, how it gets an identity in a cluster and keeps it.
//
// The service is that of the distribution's package, whose unit reads the files
// that kubelet.config writes. The plugin installs no kubelet, pulls no images and
// does not wait for the node.
package kubelet

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/plugins/internal/systemd"
	"github.com/clusterflow/clusterflow/sdk"
)

// services is the init system of the host: [systemd.Manager], but for tests.
type services interface {
	Service(ctx context.Context, name string) (systemd.Service, error)
	Restart(ctx context.Context, name string) error
	Stop(ctx context.Context, name string) error
	Log(ctx context.Context, s systemd.Service, lines int) ([]string, error)
}

// host is what the phases see of the host besides its files.
type host struct {
	services services
	hostname func() (string, error)
	pool     *kubeapi.Pool
}

// Spec declares the plugin.
func Spec() sdk.Spec {
	return specOn(host{services: systemd.Manager{}, hostname: os.Hostname, pool: kubeapi.NewPool()})
}

func specOn(h host) sdk.Spec {
	return sdk.Spec{
		Name: "kubelet", Version: "dev",
		Doc: "The kubelet of this host: its configuration, its service, and its identity in the cluster.",
		Types: []sdk.Type{
			configType(h), startType(h), finalizeType(h), bootstrapType(h),
			foundType(h), stoppedType(h), noPodsType(), noMountsType(), noStateType(), noNetworkType(),
		},
	}
}

// nodeName is the name that a node has by default: that of the host, as the
// kubelet would write it.
func (h host) nodeName() (string, error) {
	name, err := h.hostname()
	if err != nil {
		return "", fmt.Errorf("find host name: %w", err)
	}
	return strings.ToLower(strings.TrimSpace(name)), nil
}

// attrError is an error of one config attribute.
func attrError(name, format string, args ...any) error {
	return cty.GetAttrPath(name).NewError(fmt.Errorf(format, args...))
}
