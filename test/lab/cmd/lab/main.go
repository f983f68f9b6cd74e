// Command lab brings up real Kubernetes hosts on this machine and gives people
// a shell in them. See docs/lab.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/clusterflow/clusterflow/test/lab"
	"github.com/clusterflow/clusterflow/test/lab/kit"
)

const usage = `usage: lab [-name NAME] COMMAND …
  up [-hosts N] [-no-images] [-kubeadm]  bring up a lab
  exec HOST COMMAND [ARG…]               run a command in a host
  shell [HOST]                           get a shell in a host, n1 if none is named
  status                                 list the hosts
  down                                   remove the lab
  kit                                    make what hosts are made of, and no host`

var errUsage = errors.New(usage)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout, os.Stderr, os.Args[1:])
	stop()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		os.Exit(exit.ExitCode()) // the command in the host has said why
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
}

// app is what commands work with.
type app struct {
	name, top      string // of the lab, of the clone
	stdout, stderr io.Writer
}

// run runs the command line args.
func run(ctx context.Context, stdout, stderr io.Writer, args []string) error {
	flags := flag.NewFlagSet("lab", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	name := flags.String("name", "", "")
	if err := flags.Parse(args); err != nil || flags.NArg() == 0 {
		return errUsage
	}
	command, rest := flags.Arg(0), flags.Args()[1:]
	if command == "registry" && len(rest) == 2 { // started by up
		return lab.ServeRegistry(ctx, rest[0], rest[1])
	}
	top, err := lab.FindTop()
	if err != nil {
		return err
	}
	if *name == "" {
		*name = lab.NameOf("lab", top)
	}
	a := app{name: *name, top: top, stdout: stdout, stderr: stderr}
	commands := map[string]func(context.Context, []string) error{
		"up": a.up, "exec": a.exec, "shell": a.shell, "status": a.status, "down": a.down, "kit": a.kit,
	}
	do, known := commands[command]
	if !known {
		return errUsage
	}
	return do(ctx, rest)
}

// up brings up a lab that stays until down.
func (a app) up(ctx context.Context, args []string) error {
	opt := lab.Options{Name: a.name, Top: a.top, Log: a.stderr}
	flags := flag.NewFlagSet("lab up", flag.ContinueOnError)
	flags.SetOutput(a.stderr)
	flags.IntVar(&opt.Hosts, "hosts", 1, "how many")
	flags.BoolVar(&opt.Kubeadm, "kubeadm", false, "hosts have kubeadm")
	without := flags.Bool("no-images", false, "hosts have to pull their images")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := lab.Install(ctx, a.stderr); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	opt.Images, opt.Detach = !*without, []string{self, "registry"}
	if _, err := lab.Up(ctx, opt); err != nil {
		return err
	}
	return a.status(ctx, nil)
}

// exec runs a command line, after the name of its host, on this terminal.
func (a app) exec(ctx context.Context, args []string) error {
	if len(args) < 2 {
		return errUsage
	}
	l, err := lab.Open(a.name)
	if err != nil {
		return err
	}
	h := l.Host(args[0])
	if h == nil {
		return fmt.Errorf("lab %s has no host %s", a.name, args[0])
	}
	return h.Terminal(ctx, args[1:]...).Run()
}

func (a app) shell(ctx context.Context, args []string) error {
	host := "n1"
	if len(args) > 0 {
		host = args[0]
	}
	return a.exec(ctx, []string{host, "bash", "-l"})
}

func (a app) status(context.Context, []string) error {
	l, err := lab.Open(a.name)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "lab %s\n", l.Name)
	for _, h := range l.Hosts {
		fmt.Fprintf(a.stdout, "  %s  %s\n", h.Name, h.IP)
	}
	return nil
}

func (a app) down(ctx context.Context, _ []string) error { return lab.Remove(ctx, a.name) }

func (a app) kit(ctx context.Context, _ []string) error {
	if err := lab.Install(ctx, a.stderr); err != nil {
		return err
	}
	_, err := kit.Ensure(ctx, a.top, a.stderr)
	return err
}
