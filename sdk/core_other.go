//go:build !unix

package sdk

// NoCoreFiles does nothing: there are none here.
func NoCoreFiles() {}
