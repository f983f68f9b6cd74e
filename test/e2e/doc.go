// Package e2e runs the built clusterflow on real input: the embedded pipeline
// with its real API server, as a user would from the README. Its tests need the
// build tag e2e, `make build` and `make kube`.
package e2e
