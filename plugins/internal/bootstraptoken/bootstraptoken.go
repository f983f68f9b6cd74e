// Package bootstraptoken makes and checks bootstrap tokens of Kubernetes: ID.SECRET,
// six and sixteen characters of a-z and 0-9. The ID is public.
//
// k8s.io/cluster-bootstrap/token/util does the same, but compiles regular expressions
// whenever a program starts that links it.
package bootstraptoken

import (
	"crypto/rand"
	"strings"

	tokenapi "k8s.io/cluster-bootstrap/token/api"
)

const characters = "abcdefghijklmnopqrstuvwxyz0123456789"

// NewID returns a random ID.
func NewID() string { return random(tokenapi.BootstrapTokenIDBytes) }

// NewSecret returns a random secret part.
func NewSecret() string { return random(tokenapi.BootstrapTokenSecretBytes) }

// Join returns the token with these parts.
func Join(id, secret string) string { return id + "." + secret }

// SecretName is the name of the Secret in kube-system that keeps a token.
func SecretName(id string) string { return tokenapi.BootstrapTokenSecretPrefix + id }

// Valid reports whether token has the form of a bootstrap token.
func Valid(token string) bool {
	id, secret, _ := strings.Cut(token, ".")
	return ValidID(id) && len(secret) == tokenapi.BootstrapTokenSecretBytes && consistsOf(secret, characters)
}

// ValidID reports whether id has the form of a token's ID.
func ValidID(id string) bool {
	return len(id) == tokenapi.BootstrapTokenIDBytes && consistsOf(id, characters)
}

// ValidGroup reports whether name is one that who authenticates with a token may be
// a member of: system:bootstrappers: and 1 to 256 characters of a-z, 0-9, colon and
// dash, of which the last is neither of these two.
func ValidGroup(name string) bool {
	rest, ok := strings.CutPrefix(name, tokenapi.BootstrapDefaultGroup+":")
	return ok && len(rest) >= 1 && len(rest) <= 256 &&
		consistsOf(rest, characters+":-") && consistsOf(rest[len(rest)-1:], characters)
}

func consistsOf(text, characters string) bool { return strings.Trim(text, characters) == "" }

// random draws bytes until enough of them are below the largest multiple of the
// number of characters, so that all characters are equally likely.
func random(length int) string {
	const limit = 256 - 256%len(characters)
	text := make([]byte, 0, length)
	for draw := make([]byte, 1); len(text) < length; {
		_, _ = rand.Read(draw) // never fails
		if int(draw[0]) < limit {
			text = append(text, characters[int(draw[0])%len(characters)])
		}
	}
	return string(text)
}
