package controlplane

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
)

// verifyDetached reports whether jws signs content with the secret part of a
// bootstrap token: a compact JSON Web Signature, HS256, without its payload
// (RFC 7515, appendix F), which is how cluster-info is signed.
func verifyDetached(jws, content, secret string) bool {
	header, signature, ok := strings.Cut(jws, "..")
	if !ok || secret == "" {
		return false
	}
	url := base64.RawURLEncoding
	text, err := url.DecodeString(header)
	if err != nil {
		return false
	}
	var fields struct {
		Algorithm string `json:"alg"`
	}
	if err := json.Unmarshal(text, &fields); err != nil || fields.Algorithm != "HS256" {
		return false
	}
	got, err := url.DecodeString(signature)
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = mac.Write([]byte(header + "." + url.EncodeToString([]byte(content)))) // never fails
	return hmac.Equal(got, mac.Sum(nil))
}
