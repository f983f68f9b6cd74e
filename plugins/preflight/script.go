package preflight

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/clusterflow/clusterflow/plugins/internal/command"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

type scriptConfig struct {
	Command   []string          `cf:"command,required" doc:"Program and arguments. There is no shell in between; for one write [\"sh\", \"-c\", \"…\"]. It is shown and stored, so it must hold no secret."`
	Env       map[string]string `cf:"env" doc:"Environment variables, besides PATH and HOME."`
	SecretEnv map[string]string `cf:"secret_env,sensitive" doc:"Environment variables with secrets."`
	Dir       string            `cf:"cwd" doc:"Working directory. Default: that of the pipeline."`
}

// The exit codes of a script.
const (
	scriptPass = 0
	scriptFail = 1
	scriptWarn = 2
)

const (
	scriptCancelGrace = 15 * time.Second
	scriptStopGrace   = 10 * time.Second // less than the above, so that the result gets out
)

func scriptType() sdk.Type {
	return resource.Phase[scriptConfig, struct{}]{
		Name: "script",
		Doc: "A check of your own. Exit code 0 is a pass, 1 an error, 2 a warning; what the script says is the text, " +
			"its first line the summary. Every other code is an error of the script itself. Passes once: it runs again when an input changes.",
		Example: `phase "preflight.script" "disk" {
  command = ["/usr/local/lib/checks/disk-label", "/dev/sda"]
}`,
		CancelGrace: scriptCancelGrace,
		Access:      []sdk.Access{{Kind: sdk.AccessExec, What: "config.command"}},
		Validate: func(c scriptConfig) error {
			if len(c.Command) == 0 || c.Command[0] == "" {
				return attrError("command", errors.New("names no program"))
			}
			return nil
		},
		Build: func(_ context.Context, in resource.Input[scriptConfig]) (resource.Work[struct{}], error) {
			return resource.Work[struct{}]{Resources: []resource.Resource{&resource.Once{
				Name: "check " + filepath.Base(in.Config.Command[0]), Done: in.Unchanged,
				Run: func(ctx context.Context) error { return in.Config.run(ctx, in.WorkDir) },
			}}}, nil
		},
	}.Type()
}

func (c scriptConfig) run(ctx context.Context, workDir string) error {
	env := maps.Clone(c.Env)
	if env == nil {
		env = map[string]string{}
	}
	maps.Copy(env, c.SecretEnv)
	dir := c.Dir
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(workDir, dir)
	}
	result, err := command.Command{Argv: c.Command, Env: env, Dir: dir, Grace: scriptStopGrace}.Run(ctx)
	if err != nil {
		return err
	}
	name := filepath.Base(c.Command[0])
	summary, detail := words(result)
	switch result.Code {
	case scriptPass:
		zerolog.Ctx(ctx).Info().Str("check", name).Msgf("%s: passed", name)
		return nil
	case scriptWarn:
		resource.Warn(ctx, fmt.Sprintf("check %s: %s", name, summary), detail)
		return nil
	case scriptFail:
		return sdk.Diagnostics{{Severity: sdk.SeverityError, Summary: fmt.Sprintf("check %s: %s", name, summary), Detail: detail}}
	default:
		return sdk.Diagnostics{{
			Severity: sdk.SeverityError, Summary: fmt.Sprintf("run check %s: %s, want 0 to pass, 1 for an error, 2 for a warning", name, result.State),
			Detail: strings.TrimSpace(summary + "\n" + detail),
		}}
	}
}

// words splits what a script said into its first line and the rest. Standard
// error comes first, for that is where errors go.
func words(r command.Result) (summary, detail string) {
	text := strings.TrimSpace(r.Stderr + "\n" + r.Stdout)
	if text == "" {
		return "it said nothing", ""
	}
	summary, detail, _ = strings.Cut(text, "\n")
	return strings.TrimSpace(summary), strings.TrimSpace(detail)
}
