// Package sdk is the contract between the clusterflow engine and its plugins,
// and all that a plugin author needs.
//
// A plugin is one declared value, a [Spec], and a main function that serves it:
//
//	func main() { sdk.Main(motd.Spec()) }
//
// The Spec lists phase types. Each [Type] publishes a schema (what a phase block
// may say, what other phases may read from it) and a [Handler] that plans,
// applies and undoes one phase. Most types should not write a Handler by hand:
// package sdk/resource makes one from a list of resources (files, directories,
// processes, checks, your own), and gives plan, drift detection, idempotence and
// undo for free. Package sdk/sdktest holds the conformance suite that every
// plugin should pass.
//
// The same calls run in memory ([Direct]) and over gRPC ([Main] on the plugin's
// side, go-plugin on the engine's); the conformance suite keeps the two equal.
//
// The package knows no HCL, no Kubernetes and no scheduling. It never decides
// when a phase runs.
package sdk
