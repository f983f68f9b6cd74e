// Package engine is the library behind the clusterflow command. It knows no
// Kubernetes.
//
// A pipeline flows through the packages below this one, each of which takes a
// value and returns a value:
//
//	HCL files → config    text to blocks, expressions kept as written
//	          → expand    modules and for_each to phases, references to edges
//	          → graph     phases and edges to an acyclic order
//	          → plan      what each phase would do, and why
//	          → run       the plan carried out, step by step, as
//	          → event     a stream of facts, folded into
//	          → state     what exists, and
//	          → report    what to tell people
//
// Package lang evaluates expressions, lock reads what plugins are pinned to, diag
// shows problems in their source, and pluginhost owns plugin processes. This
// package only connects them; it holds no logic of its own.
package engine
