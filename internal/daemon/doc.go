// Package daemon is what the operator and the load tester have in common as programs: their log and where they listen.
package daemon
