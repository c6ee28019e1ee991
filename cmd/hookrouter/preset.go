package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"gopkg.in/yaml.v3"

	"github.com/hookrouter/hookrouter/verify"
)

func presetCommand(c *cli) *cobra.Command {
	cmd := &cobra.Command{Use: "preset", Short: "The senders that are built in: list them, show one as YAML", RunE: onlyCommands}
	cmd.AddCommand(presetList(c), presetShow(c))
	return cmd
}

// listedPreset is one line of the list.
type listedPreset struct {
	Name   string   `json:"name"`
	Title  string   `json:"title"`
	Kind   string   `json:"kind"`
	Events []string `json:"events"` // those with a sample
	Docs   string   `json:"docs"`
}

func presetList(c *cli) *cobra.Command {
	r := &remote{c: c}
	cmd := &cobra.Command{
		Use: "list", Short: "Every preset with its kind of proof and the events that `send` has samples of", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := r.checkOutput(); err != nil {
				return err
			}
			list := presets()
			return r.print(list, func(w io.Writer) { writePresets(w, list) })
		},
	}
	r.outputFlag(cmd.Flags())
	return cmd
}

func presets() (list []listedPreset) {
	for _, name := range verify.Names() {
		p, _ := verify.Lookup(name)
		list = append(list, listedPreset{p.Name, p.Title, strings.Join(p.Verify.Kinds(), ", "), sampleEvents(p), p.Docs})
	}
	return list
}

func writePresets(w io.Writer, list []listedPreset) {
	fmt.Fprintln(w, "PRESET\tTITLE\tKIND\tEVENTS")
	for _, p := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", p.Name, p.Title, p.Kind, dash(strings.Join(p.Events, ", ")))
	}
}

func sampleEvents(p *verify.Preset) []string {
	events := []string{}
	for _, s := range p.Samples {
		events = append(events, s.Event)
	}
	return events
}

func presetShow(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:   "show NAME",
		Short: "One preset as it could stand under `presets:` in a rules file",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			p, ok := verify.Lookup(args[0])
			if !ok {
				return unknownPreset(args[0])
			}
			text, err := presetYAML(p)
			if err != nil {
				return err
			}
			_, err = c.stdout.Write(text)
			return err
		},
	}
}

func unknownPreset(name string) error {
	hint := "`hookrouter preset list` has all"
	if near := verify.Near(name); near != "" {
		hint = fmt.Sprintf("did you mean %s? %s", near, hint)
	}
	return &failure{exitNo, fmt.Errorf("unknown preset %q", name), hint}
}

// presetYAML is a preset as an entry of `presets:`, indented as it stands there, under a name that is free to take.
func presetYAML(p *verify.Preset) ([]byte, error) {
	own := *p
	own.Samples, own.Aliases = nil, nil // only presets that are built in have them
	var out bytes.Buffer
	fmt.Fprintf(&out, "  # A preset that is built in needs no copy: `preset: %s` on the source, and any of these keys beside it.\n", p.Name)
	fmt.Fprintln(&out, "  # A copy goes under `presets:`, under a name of its own.")
	if events := sampleEvents(p); len(events) > 0 {
		fmt.Fprintf(&out, "  # Sample events, for `hookrouter send`: %s\n", strings.Join(events, ", "))
	}
	fmt.Fprintf(&out, "  my-%s:\n", p.Name)
	var text bytes.Buffer
	enc := yaml.NewEncoder(&text)
	enc.SetIndent(2)
	if err := enc.Encode(own); err != nil {
		return nil, fmt.Errorf("preset %q: %w", p.Name, err)
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(text.String(), "\n"), "\n") {
		fmt.Fprintln(&out, strings.TrimRight("    "+line, " "))
	}
	return out.Bytes(), nil
}
