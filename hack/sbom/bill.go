package main

import (
	"path"
	"runtime/debug"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// bill is the bill of materials of a program with that build info. version is the program's own, as the compiler does
// not know it; sha256 is the hash of its file, in hexadecimal.
func bill(info *debug.BuildInfo, version, sha256 string) *cdx.BOM {
	subject := component(cdx.ComponentTypeApplication, info.Main.Path, version)
	subject.Name = path.Base(info.Path)
	subject.Group = info.Main.Path
	subject.PackageURL += "#" + strings.TrimPrefix(info.Path, info.Main.Path+"/")
	subject.BOMRef = subject.PackageURL
	subject.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: sha256}}

	components := []cdx.Component{
		component(cdx.ComponentTypeLibrary, "stdlib", strings.TrimPrefix(info.GoVersion, "go")),
	}
	for _, module := range info.Deps {
		components = append(components, library(module))
	}
	var uses []string
	for _, c := range components {
		uses = append(uses, c.BOMRef)
	}
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{Component: &subject}
	bom.Components = &components
	bom.Dependencies = &[]cdx.Dependency{{Ref: subject.BOMRef, Dependencies: &uses}}
	return bom
}

// library is a module that is compiled in; where it was replaced, what took its place.
func library(module *debug.Module) cdx.Component {
	if module.Replace != nil {
		module = module.Replace
	}
	c := component(cdx.ComponentTypeLibrary, module.Path, module.Version)
	if module.Sum != "" { // a hash of Go's own kind, which CycloneDX has no name for
		c.Properties = &[]cdx.Property{{Name: "go:sum", Value: module.Sum}}
	}
	return c
}

// component is a module, known by its package URL: https://github.com/package-url/purl-spec, type golang.
func component(kind cdx.ComponentType, module, version string) cdx.Component {
	// A plus, as in v2.0.0+incompatible, is one of the characters that a version must not show.
	purl := "pkg:golang/" + module + "@" + strings.ReplaceAll(version, "+", "%2B")
	return cdx.Component{BOMRef: purl, Type: kind, Name: module, Version: version, PackageURL: purl}
}
