#!/bin/sh
# check.sh GOVULNCHECK DATABASE PROGRAM... looks for known vulnerabilities in functions that are in the programs, which
# needs their symbols: of a stripped program it can only tell the modules. It fails where there are some, and where it
# cannot tell: without its database nothing has been checked, which must not pass for clean.
govulncheck=$1 database=$2
shift 2
said=$(mktemp)
trap 'rm -f "$said"' EXIT
worst=0
for program in "$@"; do
	echo "$program:"
	"$govulncheck" -db "$database" -mode=binary "$program" 2>"$said"
	code=$?
	cat "$said" >&2
	if grep -q 'fetching vulnerabilities' "$said"; then
		echo "vulncheck: NOTHING WAS CHECKED: the database $database cannot be reached." >&2
		echo "vulncheck: a copy will do: unpack https://vuln.go.dev/vulndb.zip where there is a network and" >&2
		echo "vulncheck: say make vulncheck VULNDB=file:///where/it/is" >&2
	fi
	[ "$code" -eq 0 ] || worst=$code
done
exit "$worst"
