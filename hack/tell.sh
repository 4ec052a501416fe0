#!/bin/sh
# tell.sh WHAT COMMAND... runs a command that takes its time and says nothing, and says every few seconds that it runs.
what=$1
shift
echo "$what"
seconds=0
"$@" &
command=$!
trap 'kill "$command" 2>/dev/null; wait "$command"; exit 130' INT TERM
while kill -0 "$command" 2>/dev/null; do
	sleep 1
	seconds=$((seconds + 1))
	if [ $((seconds % 5)) -eq 0 ] && kill -0 "$command" 2>/dev/null; then
		echo "$what, $seconds s"
	fi
done
wait "$command"
