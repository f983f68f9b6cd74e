package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

func makeTrue() peer { return peer{"GNU make -j2, /bin/true each", "make", prepareMake} }
func loop() peer     { return peer{"a shell loop, /bin/true each", "sh", prepareLoop} }
func task() peer     { return peer{"go-task, true each", "task", prepareTask} }

func terraform() peer {
	return peer{"terraform apply, terraform_data each", "terraform", prepareTerraform}
}

func prepareMake(ctx context.Context, b *bench, dir string, s shape) (func() (sample, error), error) {
	var text strings.Builder
	fmt.Fprintf(&text, "all: p%d\n", s.size-1)
	for i := range s.size {
		switch {
		case s.chain && i > 0:
			fmt.Fprintf(&text, "p%d: p%d\n\t@/bin/true\n", i, i-1)
		default:
			fmt.Fprintf(&text, "all: p%d\np%d:\n\t@/bin/true\n", i, i)
		}
	}
	err := os.WriteFile(filepath.Join(dir, "Makefile"), []byte(text.String()), 0o600)
	return func() (sample, error) { return b.command(ctx, dir, "make", "-j2", "-s") }, err
}

func prepareLoop(ctx context.Context, b *bench, dir string, s shape) (func() (sample, error), error) {
	script := fmt.Sprintf("i=0; while [ $i -lt %d ]; do /bin/true; i=$((i+1)); done", s.size)
	return func() (sample, error) { return b.command(ctx, dir, "sh", "-c", script) }, nil
}

func prepareTerraform(ctx context.Context, b *bench, dir string, s shape) (func() (sample, error), error) {
	var text strings.Builder
	for i := range s.size {
		input := fmt.Sprint(i)
		if s.chain && i > 0 {
			input = fmt.Sprintf("terraform_data.p%d.output", i-1)
		}
		fmt.Fprintf(&text, "resource \"terraform_data\" \"p%d\" { input = %s }\n", i, input)
	}
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(text.String()), 0o600); err != nil {
		return nil, err
	}
	if _, err := b.command(ctx, dir, "terraform", "init"); err != nil {
		return nil, err
	}
	return func() (sample, error) {
		if err := fresh(dir, "terraform.tfstate"); err != nil {
			return sample{}, err
		}
		return b.command(ctx, dir, "terraform", "apply", "-auto-approve")
	}, nil
}

func prepareTask(ctx context.Context, b *bench, dir string, s shape) (func() (sample, error), error) {
	var text strings.Builder
	fmt.Fprintf(&text, "version: \"3\"\ntasks:\n  all:\n    deps: [")
	for i := range s.size {
		if !s.chain || i == s.size-1 {
			fmt.Fprintf(&text, "p%d, ", i)
		}
	}
	text.WriteString("]\n")
	for i := range s.size {
		fmt.Fprintf(&text, "  p%d:\n    cmds: [\"true\"]\n", i)
		if s.chain && i > 0 {
			fmt.Fprintf(&text, "    deps: [p%d]\n", i-1)
		}
	}
	err := os.WriteFile(filepath.Join(dir, "Taskfile.yml"), []byte(text.String()), 0o600)
	return func() (sample, error) { return b.command(ctx, dir, "task", "--silent", "all") }, err
}
