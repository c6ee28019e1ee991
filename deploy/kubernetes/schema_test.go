// Package kubernetes holds the manifests beside it to Kubernetes' own types: each field is known, in its place and of
// its type. It is a module of its own, so that hookrouter does not depend on Kubernetes. What a cluster would say beyond
// that is not tested.
package kubernetes

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// typeOf is an empty object of a kind that the manifests use.
func typeOf(m meta.TypeMeta) any {
	switch m {
	case kind("v1", "Secret"):
		return &core.Secret{}
	case kind("v1", "ConfigMap"):
		return &core.ConfigMap{}
	case kind("v1", "Service"):
		return &core.Service{}
	case kind("apps/v1", "StatefulSet"):
		return &apps.StatefulSet{}
	case kind("apps/v1", "Deployment"):
		return &apps.Deployment{}
	case kind("policy/v1", "PodDisruptionBudget"):
		return &policy.PodDisruptionBudget{}
	case kind("networking.k8s.io/v1", "NetworkPolicy"):
		return &networking.NetworkPolicy{}
	}
	return nil
}

func kind(version, name string) meta.TypeMeta { return meta.TypeMeta{APIVersion: version, Kind: name} }

func TestFieldsAreKubernetes(t *testing.T) {
	files, err := filepath.Glob("*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("found %q, %v", files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, document := range bytes.Split(data, []byte("\n---\n")) {
			if err := check(document); err != nil {
				t.Errorf("%s, object %d: %v", file, i+1, err)
			}
		}
	}
}

func check(document []byte) error {
	var m meta.TypeMeta
	if err := yaml.Unmarshal(document, &m); err != nil {
		return err
	}
	object := typeOf(m)
	if object == nil {
		return fmt.Errorf("this test does not know %s %s", m.APIVersion, m.Kind)
	}
	return yaml.UnmarshalStrict(document, object)
}

// TestFieldsAreKubernetes must be able to fail.
func TestPlantedMistakesAreFound(t *testing.T) {
	for _, document := range []string{
		"{apiVersion: v1, kind: Service, spec: {selectors: {a: b}}}",
		"{apiVersion: v1, kind: Service, spec: {ports: {port: 80}}}",
		"{apiVersion: v1, kind: Deployment}",
	} {
		if check([]byte(document)) == nil {
			t.Errorf("taken: %s", document)
		}
	}
}
