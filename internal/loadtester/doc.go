// Package loadtester is the HTTP server behind the webhooks of a canary: it starts load, runs tests, and keeps the gates
// that people open and close by hand.
//
//	/healthz  /metrics                  probes and metrics, for everybody
//	/gate/approve  /gate/halt           always yes, always no
//	/gate/{check,open,close}            the gate of the canary in the payload
//	/rollback/{check,open,close}        its rollback switch
//	anything else                       runs the task in the payload's metadata
//
// The rows of kinds say what a task may be; each type has a file. A task runs in the background (cmd, ngrinder: the
// answer is 202 and the outcome goes to the log and the metrics) or while the caller waits (bash, helm, helmv3, kubectl,
// concord: 200 or 500).
//
// Whoever reaches this server runs commands with the rights of its pod, as users of Flagger rely on. A shared token, the
// pattern of namespaces, a NetworkPolicy and the service account are what narrows that down. What no caller can do is
// to bring the process down: payload, output, open gates and the number of tasks are bounded, as is every task's time.
//
// What differs on purpose from Flagger 1.44:
//   - a background task starts at once, not at the next turn of a queue;
//   - a task that is over its time, or whose caller has gone, ends with all processes of its group, not only the first
//     one. A process that leaves the group, or closes the output of a command that ends by itself, is left alone;
//   - of a command's output the beginning and the end are kept, 64 KiB together;
//   - helm and kubectl take quoted words;
//   - what cannot be understood is answered with 400 and the reason: an unknown type, bash without a command, bad JSON;
//   - intervals and time-outs of ngrinder and concord mean what they say, and a concord process that was cancelled or
//     timed out has failed;
//   - when the process is told to stop, running tasks are ended before it goes.
package loadtester
