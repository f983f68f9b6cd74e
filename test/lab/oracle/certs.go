package oracle

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// addPEM takes apart what is in a PEM text, block by block.
func (r *reader) addPEM(name, text string) {
	if file, ok := r.known[strings.TrimSpace(text)]; ok && !strings.HasPrefix(name, "file "+file+":") {
		r.facts[name] = "the content of " + file
		return
	}
	rest := []byte(text)
	for i := 0; ; i++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		part := fmt.Sprintf("%s pem[%d]", name, i)
		r.facts[part] = block.Type
		if block.Type == "CERTIFICATE" {
			r.addCertificate(part, block.Bytes)
			continue
		}
		r.facts[part+".key"] = keyShape(block)
	}
	if left := strings.TrimSpace(string(rest)); left != "" {
		r.facts[name+" after pem"] = left
	}
}

func (r *reader) addCertificate(name string, der []byte) {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		r.facts[name] = "no certificate: " + err.Error()
		return
	}
	extensions := make([]string, 0, len(c.Extensions))
	for _, e := range c.Extensions {
		extensions = append(extensions, fmt.Sprintf("%s critical=%t", e.Id, e.Critical))
	}
	for field, value := range map[string]any{
		"subject": withoutTime(c.Subject), "issuer": withoutTime(c.Issuer), "signed by": r.signer(c), "signature": c.SignatureAlgorithm,
		"names": c.DNSNames, "addresses": c.IPAddresses, "usage": fmt.Sprintf("%b", c.KeyUsage), "extended usage": c.ExtKeyUsage,
		"is ca": c.IsCA, "path length": c.MaxPathLen, "key": publicShape(c.PublicKey), "extensions": extensions, "version": c.Version,
		"valid for":   c.NotAfter.Sub(c.NotBefore).Round(5 * time.Minute),
		"valid since": c.NotBefore.Sub(r.now).Round(5 * time.Minute),
		"subject key": len(c.SubjectKeyId), "authority key": len(c.AuthorityKeyId), "serial": c.SerialNumber.Sign(),
	} {
		r.facts[name+"."+field] = fmt.Sprint(value)
	}
}

// withoutTime is a name without the time that a kubelet puts into its own.
func withoutTime(name pkix.Name) string {
	return regexp.MustCompile(`@\d+$`).ReplaceAllString(name.String(), "@TIME")
}

// signer is the file of the authority whose signature c has.
func (r *reader) signer(c *x509.Certificate) string {
	for text, file := range r.known {
		block, _ := pem.Decode([]byte(text))
		if block == nil || block.Type != "CERTIFICATE" {
			continue
		}
		ca, err := x509.ParseCertificate(block.Bytes)
		if err == nil && ca.IsCA && c.CheckSignatureFrom(ca) == nil {
			return file
		}
	}
	return "nobody known"
}

func keyShape(block *pem.Block) string {
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return publicShape(key.Public())
	}
	if key, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		return publicShape(key.Public())
	}
	if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		return fmt.Sprintf("PKCS #8 %T", key)
	}
	if key, err := x509.ParsePKIXPublicKey(block.Bytes); err == nil {
		return "public " + publicShape(key)
	}
	return "unknown"
}

func publicShape(key any) string {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", k.N.BitLen())
	case *ecdsa.PublicKey:
		return "ECDSA " + k.Params().Name
	}
	return fmt.Sprintf("%T", key)
}
