// Package tests has the tests that need real hosts. They have the build tag
// lab, run as root and bring up labs of their own: make test runs them, or
//
//	make lab-kit && cd test/lab && go test -tags lab ./tests/...
package tests
