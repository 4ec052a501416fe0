package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"errors"
	"fmt"
	"os"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 2 {
		return errors.New("want a version and one program at least")
	}
	for _, file := range args[1:] {
		if err := describe(file, args[0]); err != nil {
			return fmt.Errorf("describe %s: %w", file, err)
		}
		fmt.Println(file + ".cdx.json")
	}
	return nil
}

// describe writes the bill of one program beside it.
func describe(file, version string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	info, err := buildinfo.Read(bytes.NewReader(content))
	if err != nil {
		return fmt.Errorf("read build info: %w", err)
	}
	sum := sha256.Sum256(content)
	var encoded bytes.Buffer
	encoder := cdx.NewBOMEncoder(&encoded, cdx.BOMFileFormatJSON).SetPretty(true)
	if err := encoder.EncodeVersion(bill(info, version, hex.EncodeToString(sum[:])), cdx.SpecVersion1_6); err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	return os.WriteFile(file+".cdx.json", encoded.Bytes(), 0o644) //nolint:gosec // it is for others to read
}
