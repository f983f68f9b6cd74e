//go:build e2e

package etcd

import (
	"testing"

	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
)

func TestRealProcess(t *testing.T) { testProcess(t, phasetest.Program(t, "etcd")) }
