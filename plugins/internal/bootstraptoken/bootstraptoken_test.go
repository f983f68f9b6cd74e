package bootstraptoken

import (
	"strings"
	"testing"

	tokenutil "k8s.io/cluster-bootstrap/token/util"
)

// samples has, for each rule of each form, text that keeps it and text that breaks it.
func samples() []string {
	const group = "system:bootstrappers:"
	return []string{
		"", ".", "..", "abcdef", "abcdef.", ".0123456789abcdef", "abcdef.0123456789abcdef", "09azaz.09azaz09azaz09az",
		"abcde.0123456789abcdef", "abcdefg.0123456789abcdef", "abcdef.0123456789abcde", "abcdef.0123456789abcdef0",
		"abcdef.0123456789.bcdef", "abcdef..123456789abcdef", "abcdef.0123456789abcdef.", "abcdef0123456789abcdef",
		"Abcdef.0123456789abcdef", "abcdef.0123456789abcdeF", "abc-ef.0123456789abcdef", "abcdef.01234567_9abcdef",
		"abcdef.0123456789abcdef\n", "\nabcdef.0123456789abcdef", " abcdef", "abcdef ", "abcdef\n", "abcde", "abcdefg", "abc\x00ef",
		"äbcde", "äbcdef", "abcdé", "abcde\xff", "abc/ef", "abc:ef", "abc`ef", "abc{ef", "abcdef.0123456789abcd\xc3\xa9",
		group, group + "a", group + "0", group + "-", group + ":", group + "a-", group + "a:", group + "-a", group + ":a",
		group + "kubeadm:default-node-token", group + "a\n", group + "A", group + "a b", group + "a_b", group + "é",
		group + strings.Repeat("a", 255), group + strings.Repeat("a", 256), group + strings.Repeat("a", 257),
		"system:bootstrappers", "system:masters", "x" + group + "a", "System:bootstrappers:a", strings.Repeat(group, 2) + "a",
	}
}

// agree compares with the package that the cluster itself uses.
func agree(t *testing.T, text string) {
	t.Helper()
	for name, pair := range map[string][2]bool{
		"Valid":      {Valid(text), tokenutil.IsValidBootstrapToken(text)},
		"ValidID":    {ValidID(text), tokenutil.IsValidBootstrapTokenID(text)},
		"ValidGroup": {ValidGroup(text), tokenutil.ValidateBootstrapGroupName(text) == nil},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s(%q) = %v, want %v", name, text, pair[0], pair[1])
		}
	}
}

func TestAgree(t *testing.T) {
	valid := map[string]int{}
	for _, text := range samples() {
		agree(t, text)
		for name, is := range map[string]func(string) bool{"token": Valid, "ID": ValidID, "group": ValidGroup} {
			if is(text) {
				valid[name]++
			}
		}
	}
	for name, want := range map[string]int{"token": 2, "ID": 1, "group": 8} {
		if valid[name] != want {
			t.Errorf("%d of the samples are valid as a %s, want %d", valid[name], name, want)
		}
	}
	if got, want := SecretName("abcdef"), tokenutil.BootstrapTokenSecretName("abcdef"); got != want {
		t.Errorf("SecretName = %q, want %q", got, want)
	}
	if got, want := Join("abcdef", "0123456789abcdef"), tokenutil.TokenFromIDAndSecret("abcdef", "0123456789abcdef"); got != want {
		t.Errorf("Join = %q, want %q", got, want)
	}
}

func FuzzAgree(f *testing.F) {
	for _, text := range samples() {
		f.Add(text)
	}
	f.Fuzz(agree)
}

func TestRandom(t *testing.T) {
	const count = 36_000 // tokens; 22 characters each
	seen, drawn := map[string]bool{}, map[rune]int{}
	for range count {
		id, secret := NewID(), NewSecret()
		if token := Join(id, secret); !tokenutil.IsValidBootstrapToken(token) {
			t.Fatalf("%q is no token", token)
		}
		if seen[secret] {
			t.Fatalf("%q came twice", secret)
		}
		seen[secret] = true
		for _, c := range id + secret {
			drawn[c]++
		}
	}
	for _, c := range characters {
		// 22,000 of each, give or take 146. With the remainder of a byte alone, the
		// first four characters would come 24,750 times.
		if n := drawn[c]; n < 20_625 || n > 23_375 {
			t.Errorf("%c came %d times in %d characters", c, n, count*22)
		}
	}
}
