package core

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

type execConfig struct {
	Command []string `cf:"command,required" doc:"Program and arguments. There is no shell in between; for one write [\"sh\", \"-c\", \"…\"]. It is shown and stored, so it must hold no secret. It should be safe to repeat: an interrupted command is run again."`

	Env       map[string]string `cf:"env" doc:"Environment variables, besides PATH and HOME. Stored with the phase when there is an undo command."`
	SecretEnv map[string]string `cf:"secret_env,sensitive" doc:"Environment variables with secrets. Never stored, so the undo command does not get them."`

	Dir   string `cf:"cwd" doc:"Working directory. Default: that of the pipeline."`
	Stdin string `cf:"stdin,sensitive" doc:"Text for its standard input."`

	ExitCodes []int `cf:"exit_codes" default:"[0]" doc:"The exit codes that mean success."`

	Creates string   `cf:"creates" doc:"Path that the command makes. While it exists the command is done; without it, a command is done once it succeeded with the same inputs."`
	Undo    []string `cf:"undo" doc:"Command that takes back what the first one did. It must be safe to run when there is nothing to take back."`

	SensitiveOutput bool `cf:"sensitive_output" default:"false" doc:"The output holds a secret: it is not logged, and given only as secret_stdout. As it is stored nowhere, the command runs in every apply, unless creates says it is done."`
}

type execOutputs struct {
	Stdout       *string `cf:"stdout,late" doc:"The last 64 KiB of its standard output, without trailing newlines. Null for a command with sensitive_output, or one that was done before the phase first ran."`
	Stderr       *string `cf:"stderr,late" doc:"The same of its standard error."`
	ExitCode     *int    `cf:"exit_code,late" doc:"Its exit code."`
	SecretStdout *string `cf:"secret_stdout,late,sensitive" doc:"Standard output of a command with sensitive_output."`
}

const (
	execCancelGrace = 15 * time.Second
	execStopGrace   = 10 * time.Second // less than the above, so that the result gets out
)

func execType() sdk.Type {
	return resource.Phase[execConfig, execOutputs]{
		Name: "exec",
		Doc: "Runs a command. Its output is shown while it comes; the exit code decides. " +
			"It runs again when an input changed. When the phase is cancelled, all processes of the command get SIGTERM, and SIGKILL after 10 s.",
		Example: `phase "core.exec" "modules" {
  command = ["modprobe", "--all", "overlay", "br_netfilter"]
  undo    = ["modprobe", "--remove", "br_netfilter"]
}`,
		CancelGrace: execCancelGrace,
		Access:      []sdk.Access{{Kind: sdk.AccessExec, What: "config.command", Write: true}},
		Kinds:       []resource.Kind{{Name: kindCommand}, resource.KindOf[call](kindUndoable)},
		Validate:    validateExec,
		Build: func(_ context.Context, in resource.Input[execConfig]) (resource.Work[execOutputs], error) {
			c := newCall(in)
			return resource.Work[execOutputs]{
				Resources: []resource.Resource{c},
				Outputs:   func(context.Context) (execOutputs, error) { return c.outputs(), nil },
			}, nil
		},
	}.Type()
}

func validateExec(c execConfig) error {
	if len(c.Command) == 0 || c.Command[0] == "" {
		return attrError("command", "names no program")
	}
	if c.Undo != nil && (len(c.Undo) == 0 || c.Undo[0] == "") {
		return attrError("undo", "names no program")
	}
	if len(c.ExitCodes) == 0 {
		return attrError("exit_codes", "holds no code, so the command could never succeed")
	}
	for attr, env := range map[string]map[string]string{"env": c.Env, "secret_env": c.SecretEnv} {
		for _, name := range slices.Sorted(maps.Keys(env)) {
			if name == "" || strings.ContainsAny(name, "=\x00") {
				return attrError(attr, "%q is not the name of a variable", name)
			}
		}
	}
	return nil
}

// describe is a command line for people, shortened.
func describe(argv []string) string {
	const most = 120
	text := strings.Join(strings.Fields(strings.Join(argv, " ")), " ")
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + " …"
	}
	return text
}

func wantedCodes(codes []int) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(codes), " ", ", "), "[]")
}
