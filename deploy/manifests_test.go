package deploy_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/hookrouter/hookrouter/faults/rig"
	"github.com/hookrouter/hookrouter/rules"
)

// object is what the tests read of a Kubernetes object. That each field is one of Kubernetes' own, in its place and of
// its type, is the business of the module in kubernetes/.
type object struct {
	Kind     string
	Metadata struct{ Name string }
	Data     map[string]string
	Secrets  map[string]string `yaml:"stringData"`
	Spec     struct {
		Selector    selector
		PodSelector selector `yaml:"podSelector"`
		Ports       []struct {
			TargetPort string `yaml:"targetPort"`
		}
		Template struct {
			Metadata struct{ Labels map[string]string }
			Spec     pod
		}
		ServiceName string                           `yaml:"serviceName"`
		Claims      []struct{ Metadata named }       `yaml:"volumeClaimTemplates"`
		Ingress     []struct{ Ports []portOfPolicy } // of a NetworkPolicy
	}
}

type (
	named        struct{ Name string }
	portOfPolicy struct{ Port string }
	selector     map[string]any
	probe        struct {
		Get struct{ Path, Port string } `yaml:"httpGet"`
	}
)

type pod struct {
	Grace      int         `yaml:"terminationGracePeriodSeconds"`
	Links      *bool       `yaml:"enableServiceLinks"`
	Token      *bool       `yaml:"automountServiceAccountToken"`
	Init       []container `yaml:"initContainers"`
	Containers []container
	Volumes    []volume
	Security   struct {
		NonRoot bool                  `yaml:"runAsNonRoot"`
		User    int                   `yaml:"runAsUser"`
		Group   int                   `yaml:"fsGroup"`
		Seccomp struct{ Type string } `yaml:"seccompProfile"`
	} `yaml:"securityContext"`
}

type volume struct {
	Name      string
	ConfigMap named `yaml:"configMap"`
	Secret    struct {
		Name string `yaml:"secretName"`
	}
}

type container struct {
	Name, Image string
	Restart     string `yaml:"restartPolicy"`
	Args        []string
	Env         []struct{ Name, Value string }
	Ports       []struct {
		Name string
		Port int `yaml:"containerPort"`
	}
	Startup   probe `yaml:"startupProbe"`
	Readiness probe `yaml:"readinessProbe"`
	Liveness  probe `yaml:"livenessProbe"`
	Mounts    []struct {
		Name    string
		Path    string `yaml:"mountPath"`
		SubPath string `yaml:"subPath"`
	} `yaml:"volumeMounts"`
	Security struct {
		Escalation   *bool `yaml:"allowPrivilegeEscalation"`
		ReadOnly     bool  `yaml:"readOnlyRootFilesystem"`
		Capabilities struct{ Drop []string }
	} `yaml:"securityContext"`
}

// env is what the container's environment says.
func (c container) env() map[string]string {
	env := map[string]string{}
	for _, e := range c.Env {
		env[e.Name] = e.Value
	}
	return env
}

func (c container) portNamed(name string) int {
	for _, p := range c.Ports {
		if p.Name == name {
			return p.Port
		}
	}
	return 0
}

// manifest is one file of kubernetes/.
type manifest struct {
	name    string
	objects []object
}

func manifests(t *testing.T) (all []manifest) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(rig.Root(t), "deploy/kubernetes/*.yaml"))
	if err != nil || len(files) != 2 {
		t.Fatalf("found %q, %v", files, err)
	}
	for _, file := range files {
		all = append(all, readManifest(t, file))
	}
	return all
}

func readManifest(t *testing.T, file string) manifest {
	t.Helper()
	m := manifest{name: filepath.Base(file)}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for d := yaml.NewDecoder(f); ; {
		var o object
		if err := d.Decode(&o); errors.Is(err, io.EOF) {
			return m
		} else if err != nil {
			t.Fatalf("%s: %v", m.name, err)
		}
		m.objects = append(m.objects, o)
	}
}

// one is the only object of these kinds.
func (m manifest) one(t *testing.T, kinds ...string) (found object) {
	t.Helper()
	n := 0
	for _, o := range m.objects {
		if slices.Contains(kinds, o.Kind) {
			found = o
			n++
		}
	}
	if n != 1 {
		t.Fatalf("%s: %d of %v, want one", m.name, n, kinds)
	}
	return found
}

// ours is the pod and the container that runs hookrouter.
func (m manifest) ours(t *testing.T) (pod, container) {
	t.Helper()
	p := m.one(t, "StatefulSet", "Deployment").Spec.Template.Spec
	for _, c := range append(p.Init, p.Containers...) {
		if strings.HasPrefix(c.Image, "hookrouter:") {
			return p, c
		}
	}
	t.Fatalf("%s: no container runs hookrouter", m.name)
	return p, container{}
}

// TestManifestsNameWhatThereIs: selectors, ports, volumes, flags and names lead somewhere.
func TestManifestsNameWhatThereIs(t *testing.T) {
	for _, m := range manifests(t) {
		workload := m.one(t, "StatefulSet", "Deployment")
		_, c := m.ours(t)
		labels := fmt.Sprint(workload.Spec.Template.Metadata.Labels)
		for _, o := range m.objects {
			for _, s := range []selector{o.Spec.Selector, o.Spec.PodSelector} {
				if s != nil && !strings.Contains(fmt.Sprint(s), labels) {
					t.Errorf("%s: %s %s selects %v, the pods have %s", m.name, o.Kind, o.Metadata.Name, s, labels)
				}
			}
			for _, port := range portsOf(o) {
				if c.portNamed(port) == 0 {
					t.Errorf("%s: %s %s names port %q", m.name, o.Kind, o.Metadata.Name, port)
				}
			}
		}
		m.volumes(t, workload, c)
		for name := range c.env() {
			if strings.HasPrefix(name, "HOOKROUTER_") && !isFlag(t, name) {
				t.Errorf("%s: %s is no flag", m.name, name)
			}
		}
		for flag, port := range map[string]string{"HOOKROUTER_LISTEN": "public", "HOOKROUTER_ADMIN": "admin"} {
			if addr := c.env()[flag]; addr != "" && addr != fmt.Sprintf(":%d", c.portNamed(port)) {
				t.Errorf("%s: %s is %s, port %q is %d", m.name, flag, addr, port, c.portNamed(port))
			}
		}
	}
}

func portsOf(o object) (names []string) {
	for _, p := range o.Spec.Ports {
		names = append(names, p.TargetPort)
	}
	for _, rule := range o.Spec.Ingress {
		for _, p := range rule.Ports {
			names = append(names, p.Port)
		}
	}
	return names
}

// volumes: each mount has a volume, each volume its object, and none is a subPath, which is never changed.
func (m manifest) volumes(t *testing.T, workload object, c container) {
	t.Helper()
	known := map[string]bool{}
	for _, claim := range workload.Spec.Claims {
		known[claim.Metadata.Name] = true
	}
	for _, v := range workload.Spec.Template.Spec.Volumes {
		known[v.Name] = true
		if v.ConfigMap.Name != "" && v.ConfigMap.Name != m.one(t, "ConfigMap").Metadata.Name ||
			v.Secret.Name != "" && v.Secret.Name != m.one(t, "Secret").Metadata.Name {
			t.Errorf("%s: volume %+v: no such object", m.name, v)
		}
	}
	for _, mount := range c.Mounts {
		if !known[mount.Name] || mount.SubPath != "" {
			t.Errorf("%s: mount %+v: no such volume, or a subPath", m.name, mount)
		}
	}
}

// TestManifestsAreConfined: as the image's user, with nothing to write to but the data, and without rights.
func TestManifestsAreConfined(t *testing.T) {
	user := readDockerfile(t).user
	for _, m := range manifests(t) {
		p, c := m.ours(t)
		s := p.Security
		if got := fmt.Sprintf("%d:%d", s.User, s.Group); got != user || !s.NonRoot || s.Seccomp.Type != "RuntimeDefault" {
			t.Errorf("%s: %+v, the image's user is %s", m.name, s, user)
		}
		for _, c := range append(p.Init, p.Containers...) {
			if e := c.Security.Escalation; e == nil || *e || !c.Security.ReadOnly || !slices.Equal(c.Security.Capabilities.Drop, []string{"ALL"}) {
				t.Errorf("%s: container %s: %+v", m.name, c.Name, c.Security)
			}
		}
		if p.Links == nil || *p.Links || p.Token == nil || *p.Token {
			t.Errorf("%s: variables of other services would be flags here, and no token is needed", m.name)
		}
		if need := stopTime(t, c.env()); time.Duration(p.Grace)*time.Second < need {
			t.Errorf("%s: killed after %d s, a stop can take %v", m.name, p.Grace, need)
		}
	}
}

// lastAnswers is what a stop may take beyond --drain-delay and --drain: see router/front.go.
const lastAnswers = 25 * time.Second

// stopTime is the longest that a stop takes with this environment.
func stopTime(t *testing.T, env map[string]string) time.Duration {
	t.Helper()
	total := lastAnswers
	for _, flag := range []string{"drain", "drain-delay"} {
		text := env["HOOKROUTER_"+strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))]
		if text == "" {
			text = defaultOf(t, flag)
		}
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		total += d
	}
	return total
}

// TestRulesOfManifests: they pass their own tests once the secrets are real; the examples do not even start.
func TestRulesOfManifests(t *testing.T) {
	for _, m := range manifests(t) {
		text := m.one(t, "ConfigMap").Data["rules.yaml"]
		_, err := m.parse(t, text, func(secret string) string { return secret })
		if err == nil || !strings.Contains(err.Error(), "example") {
			t.Errorf("%s: with the secrets of the file: %v; want a refusal", m.name, err)
		}
		set, err := m.parse(t, text, func(string) string { return strings.Repeat("s", 32) })
		if err != nil {
			t.Errorf("%s: %v", m.name, err)
			continue
		}
		results := set.Test(nil)
		for _, r := range results {
			if !r.Passed {
				t.Errorf("%s: test %q: %v", m.name, r.Name, r.Diffs)
			}
		}
		if len(results) == 0 {
			t.Errorf("%s: the rules have no tests", m.name)
		}
	}
}

// parse reads rules as the container would, with the files of its Secret where they are mounted.
func (m manifest) parse(t *testing.T, text string, secret func(string) string) (*rules.Set, error) {
	t.Helper()
	_, c := m.ours(t)
	files := map[string]string{}
	for _, mount := range c.Mounts {
		if mount.Name == "secrets" {
			for name, value := range m.one(t, "Secret").Secrets {
				files[filepath.Join(mount.Path, name)] = secret(value)
			}
		}
	}
	return rules.Parse(rules.File{Name: "rules.yaml", Data: []byte(text)}, rules.Options{
		ReadFile: func(name string) ([]byte, error) {
			if value, ok := files[name]; ok {
				return []byte(value), nil
			}
			return nil, fmt.Errorf("not one of %v", slices.Sorted(maps.Keys(files)))
		},
	})
}
