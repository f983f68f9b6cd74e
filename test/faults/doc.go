// Package faults breaks the built clusterflow in every way that is known to happen
// and demands that the next apply converges: nothing lost, nothing done twice that
// must not be, nothing left behind. Its tests need the build tag e2e and
// `make build`; `make test-faults` runs more of them than `make test`.
package faults
