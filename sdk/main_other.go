//go:build !unix

package sdk

// killGroup does nothing: there are no process groups.
func killGroup() {}
