package pluginhost

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/hashicorp/go-plugin"

	"github.com/clusterflow/clusterflow/sdk"
)

// maxPreamble is how many lines a plugin may print on stdout before its
// handshake, such as a greeting of a library.
const maxPreamble = 100

// handshake is the line by which a plugin says how to reach it:
// core version, protocol version, network, address and protocol, separated by |.
type handshake struct {
	core, version              int
	network, address, protocol string
}

// parseHandshake reports whether the line is a handshake at all.
func parseHandshake(line string) (handshake, bool) {
	parts := strings.Split(strings.TrimSpace(line), "|")
	if len(parts) < 4 {
		return handshake{}, false
	}
	core, coreErr := strconv.Atoi(parts[0])
	version, versionErr := strconv.Atoi(parts[1])
	if coreErr != nil || versionErr != nil {
		return handshake{}, false
	}
	h := handshake{core: core, version: version, network: parts[2], address: parts[3], protocol: "netrpc"}
	if len(parts) > 4 {
		h.protocol = parts[4]
	}
	return h, true
}

// check refuses what this engine does not speak or trust. The socket must be in
// the directory that the plugin was given: a TCP port would be open to every user
// of the machine.
func (h handshake) check(socketDir string) error {
	switch {
	case h.core != plugin.CoreProtocolVersion:
		return sdk.Hint(fmt.Errorf("it speaks version %d of the go-plugin handshake, want %d", h.core, plugin.CoreProtocolVersion),
			"Rebuild the plugin with the clusterflow sdk.")
	case h.version != sdk.ProtocolVersion:
		return sdk.Hint(fmt.Errorf("it speaks version %d of the plugin protocol, this clusterflow speaks %d", h.version, sdk.ProtocolVersion),
			"Use a plugin and a clusterflow of the same major protocol version.")
	case h.protocol != string(plugin.ProtocolGRPC):
		return fmt.Errorf("it offers the protocol %q, want %q", h.protocol, plugin.ProtocolGRPC)
	case h.network != "unix" || filepath.Dir(h.address) != filepath.Clean(socketDir):
		return sdk.Hint(fmt.Errorf("it listens on %s %s, want a unix socket in %s", h.network, h.address, socketDir),
			"Let the plugin listen in the directory named by "+plugin.EnvUnixSocketDir+".")
	}
	return nil
}
