//go:build linux

package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// published are CRDs that come with a Go module.
var published = []struct {
	folder string // below the repository's root, in which the module is required
	module string
	path   string // of the file, or the folder with the files, in the module
}{
	{folder: ".", module: "sigs.k8s.io/gateway-api", path: "config/crd/standard"},
	{
		folder: "test/lab/traefik", module: "github.com/traefik/traefik/v3",
		path: "docs/content/reference/dynamic-configuration/kubernetes-crd-definition-v1.yml",
	},
}

// beside are CRDs that no Go module brings. They lie beside the repository, or the lab goes without.
var beside = []string{"../shared/crds/apisix_apisixroutes.yaml", "../shared/crds/smi_trafficsplits.yaml"}

// findCRDs returns the files and folders with the CRDs of the lab's proxies. The first call may download modules.
func findCRDs(ctx context.Context, o Options) ([]string, error) {
	found, err := besideCRDs(o.Root, o.Progress)
	if err != nil {
		return nil, err
	}
	for _, p := range published {
		folder, err := moduleFolder(ctx, filepath.Join(o.Root, p.folder), p.module)
		if err != nil {
			return nil, fmt.Errorf("find the CRDs of %s: %w", p.module, err)
		}
		found = append(found, filepath.Join(folder, filepath.FromSlash(p.path)))
	}
	return found, nil
}

// besideCRDs returns the files beside the repository, and tells which are not there.
func besideCRDs(root string, progress io.Writer) ([]string, error) {
	var found []string
	for _, name := range beside {
		file := filepath.Join(root, filepath.FromSlash(name))
		_, err := os.Stat(file)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			say(progress, "goes without the CRD %s, which is not there", name)
		case err != nil:
			return nil, fmt.Errorf("look for CRDs: %w", err)
		default:
			found = append(found, file)
		}
	}
	return found, nil
}

// moduleFolder returns the folder of a module in the cache, in the version that the module in folder requires.
func moduleFolder(ctx context.Context, folder, module string) (string, error) {
	command := exec.CommandContext(ctx, "go", "mod", "download", "-json", module)
	command.Dir = folder
	output, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("download the module: %w", err)
	}
	var downloaded struct{ Dir string }
	if err := json.Unmarshal(output, &downloaded); err != nil {
		return "", fmt.Errorf("read where the module is: %w", err)
	}
	return downloaded.Dir, nil
}
