// Package lang is the expression language of pipelines: which functions there
// are, what an expression refers to, and which values are secret.
//
// It does not know what the names mean. Which phase stands behind phase.ca is the
// business of package expand; which names are declared that of package config.
package lang
