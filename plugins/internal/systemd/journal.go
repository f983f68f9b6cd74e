package systemd

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/clusterflow/clusterflow/plugins/internal/command"
)

// journalTimeout bounds the reading of a journal, which only serves to explain an
// error: 10 s.
const journalTimeout = 10 * time.Second

// Log returns the last lines, at most n, of what the present or last run of a
// service has said, oldest first. The error tells why the journal cannot be read.
func (Manager) Log(ctx context.Context, s Service, n int) ([]string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, journalTimeout, errors.New("the journal is too slow"))
	defer cancel()
	match := "_SYSTEMD_INVOCATION_ID=" + s.Invocation
	if s.Invocation == "" {
		match = "_SYSTEMD_UNIT=" + s.Name
	}
	result, err := command.Command{
		Argv:  []string{"journalctl", "--no-pager", "--quiet", "--output=cat", "--lines=" + strconv.Itoa(n), match},
		Quiet: true,
	}.Run(ctx)
	switch {
	case err != nil:
		return nil, err
	case result.Code != 0:
		return nil, errors.New(result.LastLines(1))
	case strings.TrimSpace(result.Stdout) == "":
		return nil, nil
	}
	return strings.Split(strings.TrimSpace(result.Stdout), "\n"), nil
}
