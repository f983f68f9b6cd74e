// Package trouble tests on real hosts what happens when something is wrong: with
// the host, with a variable, with the registry; and when parts are exchanged.
package trouble
