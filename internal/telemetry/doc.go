// Package telemetry keeps the operator's own Prometheus metrics, which dashboards and alert rules written for Flagger
// read: names, labels, values and help texts are Flagger's.
//
// Two things to know when reading them: the label name is the name of the target, not of the canary, and
// flagger_canary_status knows three values alone (0 under analysis, 2 failed, 1 everything else).
//
// Unlike Flagger, series end with the canary they are about (Forget) and with the metric that its spec has no more, and
// flagger_canary_total falls to 0 when the last canary of a namespace goes. These are additions:
//
//   - flagger_canary_progress_timestamp_seconds tells the phase, and how long a rollout has not moved;
//   - flagger_canary_checks tells how many checks passed, failed, had no data or could not be asked ("Error");
//   - flagger_event_dropped_total, flagger_event_webhook_dropped_total and flagger_alert_dropped_total tell what was never
//     delivered;
//   - the metrics of controller-runtime's registry are served with ours: controller_runtime_*, workqueue_*,
//     rest_client_*, and those of the Go runtime and the process.
package telemetry
